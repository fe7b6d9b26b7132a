"""The data of tags."""

from dataclasses import dataclass


@dataclass
class Tag:
    id: int
    name: str
    color: str
    group: str

    def label(self):
        return f"{self.name} ({self.id})"
