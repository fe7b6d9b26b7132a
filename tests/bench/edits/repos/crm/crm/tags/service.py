"""What can be done with tags."""

from crm.tags.models import Tag
from crm.tags.repository import TagRepository
from crm.tags.validators import validate_tag


class TagService:
    def __init__(self, repository=None):
        self.repository = repository or TagRepository()
        self._next = 1

    def create(self, name, color, group):
        tag = Tag(self._next, name, color, group)
        problems = validate_tag(tag)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(tag)
        return tag

    def remove(self, id):
        self.repository.delete(id)
