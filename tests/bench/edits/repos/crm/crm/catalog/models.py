"""The data of products."""

from dataclasses import dataclass


@dataclass
class Product:
    id: int
    title: str
    price: float
    unit: str

    def label(self):
        return f"{self.title} ({self.id})"
