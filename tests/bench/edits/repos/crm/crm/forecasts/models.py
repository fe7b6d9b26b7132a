"""The data of forecasts."""

from dataclasses import dataclass


@dataclass
class Forecast:
    id: int
    quarter: str
    amount: float
    author: str

    def label(self):
        return f"{self.quarter} ({self.id})"
