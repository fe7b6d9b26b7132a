"""What can be done with teams."""

from crm.teams.models import Team
from crm.teams.repository import TeamRepository
from crm.teams.validators import validate_team


class TeamService:
    def __init__(self, repository=None):
        self.repository = repository or TeamRepository()
        self._next = 1

    def create(self, name, lead, size):
        team = Team(self._next, name, lead, size)
        problems = validate_team(team)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(team)
        return team

    def remove(self, id):
        self.repository.delete(id)
