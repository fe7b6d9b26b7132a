"""The data of activitys."""

from dataclasses import dataclass


@dataclass
class Activity:
    id: int
    subject: str
    minutes: float
    kind: str

    def label(self):
        return f"{self.subject} ({self.id})"
