"""The data of payments."""

from dataclasses import dataclass


@dataclass
class Payment:
    id: int
    amount: float
    method: str
    reference: str

    def label(self):
        return f"{self.amount} ({self.id})"
