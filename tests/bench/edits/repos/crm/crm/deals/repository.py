"""Where deals are kept."""


class DealRepository:
    def __init__(self):
        self._rows = {}

    def save(self, deal):
        self._rows[deal.id] = deal

    def get(self, id):
        return self._rows.get(id)

    def delete(self, id):
        self._rows.pop(id, None)

    def all(self):
        return sorted(self._rows.values(), key=lambda row: row.id)
