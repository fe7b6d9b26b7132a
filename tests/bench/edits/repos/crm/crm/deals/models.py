"""The data of deals."""

from dataclasses import dataclass


@dataclass
class Deal:
    id: int
    title: str
    amount: float
    stage: str

    def label(self):
        return f"{self.title} ({self.id})"
