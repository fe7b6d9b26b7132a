"""The data of addresss."""

from dataclasses import dataclass


@dataclass
class Address:
    id: int
    street: str
    city: str
    postcode: str

    def label(self):
        return f"{self.street} ({self.id})"
