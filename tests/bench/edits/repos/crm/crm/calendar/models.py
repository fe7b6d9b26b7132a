"""The data of meetings."""

from dataclasses import dataclass


@dataclass
class Meeting:
    id: int
    title: str
    room: str
    minutes: float

    def label(self):
        return f"{self.title} ({self.id})"
