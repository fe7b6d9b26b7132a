"""The data of tasks."""

from dataclasses import dataclass


@dataclass
class Task:
    id: int
    title: str
    priority: float
    assignee: str

    def label(self):
        return f"{self.title} ({self.id})"
