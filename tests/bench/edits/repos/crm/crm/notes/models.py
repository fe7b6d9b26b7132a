"""The data of notes."""

from dataclasses import dataclass


@dataclass
class Note:
    id: int
    title: str
    body: str
    author: str

    def label(self):
        return f"{self.title} ({self.id})"
