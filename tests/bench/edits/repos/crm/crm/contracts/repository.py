"""Where contracts are kept."""


class ContractRepository:
    def __init__(self):
        self._rows = {}

    def save(self, contract):
        self._rows[contract.id] = contract

    def get(self, id):
        return self._rows.get(id)

    def delete(self, id):
        self._rows.pop(id, None)

    def all(self):
        return sorted(self._rows.values(), key=lambda row: row.id)
