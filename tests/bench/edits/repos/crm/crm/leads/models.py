"""The data of leads."""

from dataclasses import dataclass


@dataclass
class Lead:
    id: int
    name: str
    source: str
    score: float

    def label(self):
        return f"{self.name} ({self.id})"
