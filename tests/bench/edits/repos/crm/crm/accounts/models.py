"""The data of accounts."""

from dataclasses import dataclass


@dataclass
class Account:
    id: int
    name: str
    industry: str
    website: str

    def label(self):
        return f"{self.name} ({self.id})"
