"""The data of documents."""

from dataclasses import dataclass


@dataclass
class Document:
    id: int
    title: str
    size: float
    folder: str

    def label(self):
        return f"{self.title} ({self.id})"
