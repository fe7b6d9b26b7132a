"""The data of campaigns."""

from dataclasses import dataclass


@dataclass
class Campaign:
    id: int
    title: str
    budget: float
    channel: str

    def label(self):
        return f"{self.title} ({self.id})"
