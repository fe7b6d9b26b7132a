"""The data of projects."""

from dataclasses import dataclass


@dataclass
class Project:
    id: int
    title: str
    budget: float
    manager: str

    def label(self):
        return f"{self.title} ({self.id})"
