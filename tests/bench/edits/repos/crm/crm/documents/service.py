"""What can be done with documents."""

from crm.documents.models import Document
from crm.documents.repository import DocumentRepository
from crm.documents.validators import validate_document


class DocumentService:
    def __init__(self, repository=None):
        self.repository = repository or DocumentRepository()
        self._next = 1

    def create(self, title, size, folder):
        document = Document(self._next, title, size, folder)
        problems = validate_document(document)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(document)
        return document

    def remove(self, id):
        self.repository.delete(id)
