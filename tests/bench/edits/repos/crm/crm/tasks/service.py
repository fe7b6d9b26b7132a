"""What can be done with tasks."""

from crm.tasks.models import Task
from crm.tasks.repository import TaskRepository
from crm.tasks.validators import validate_task


class TaskService:
    def __init__(self, repository=None):
        self.repository = repository or TaskRepository()
        self._next = 1

    def create(self, title, priority, assignee):
        task = Task(self._next, title, priority, assignee)
        problems = validate_task(task)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(task)
        return task

    def remove(self, id):
        self.repository.delete(id)
