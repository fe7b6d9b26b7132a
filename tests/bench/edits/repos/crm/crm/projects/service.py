"""What can be done with projects."""

from crm.projects.models import Project
from crm.projects.repository import ProjectRepository
from crm.projects.validators import validate_project


class ProjectService:
    def __init__(self, repository=None):
        self.repository = repository or ProjectRepository()
        self._next = 1

    def create(self, title, budget, manager):
        project = Project(self._next, title, budget, manager)
        problems = validate_project(project)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(project)
        return project

    def remove(self, id):
        self.repository.delete(id)
