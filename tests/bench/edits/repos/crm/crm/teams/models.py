"""The data of teams."""

from dataclasses import dataclass


@dataclass
class Team:
    id: int
    name: str
    lead: str
    size: float

    def label(self):
        return f"{self.name} ({self.id})"
