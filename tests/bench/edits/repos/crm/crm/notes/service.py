"""What can be done with notes."""

from crm.notes.models import Note
from crm.notes.repository import NoteRepository
from crm.notes.validators import validate_note


class NoteService:
    def __init__(self, repository=None):
        self.repository = repository or NoteRepository()
        self._next = 1

    def create(self, title, body, author):
        note = Note(self._next, title, body, author)
        problems = validate_note(note)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(note)
        return note

    def remove(self, id):
        self.repository.delete(id)
