"""The data of contracts."""

from dataclasses import dataclass


@dataclass
class Contract:
    id: int
    title: str
    months: float
    signer: str

    def label(self):
        return f"{self.title} ({self.id})"
