"""The data of regions."""

from dataclasses import dataclass


@dataclass
class Region:
    id: int
    name: str
    country: str
    manager: str

    def label(self):
        return f"{self.name} ({self.id})"
