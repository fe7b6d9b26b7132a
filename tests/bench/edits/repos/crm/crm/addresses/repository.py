"""Where addresss are kept."""


class AddressRepository:
    def __init__(self):
        self._rows = {}

    def save(self, address):
        self._rows[address.id] = address

    def get(self, id):
        return self._rows.get(id)

    def delete(self, id):
        self._rows.pop(id, None)

    def all(self):
        return sorted(self._rows.values(), key=lambda row: row.id)
