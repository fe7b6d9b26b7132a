"""Where teams are kept."""


class TeamRepository:
    def __init__(self):
        self._rows = {}

    def save(self, team):
        self._rows[team.id] = team

    def get(self, id):
        return self._rows.get(id)

    def delete(self, id):
        self._rows.pop(id, None)

    def all(self):
        return sorted(self._rows.values(), key=lambda row: row.id)
