"""Invoices."""

from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass
class Invoice:
    number: str
    issued: date
    lines: list = field(default_factory=list)

    def total(self):
        return sum(amount for _, amount in self.lines)

    def due_date(self):
        return self.issued + timedelta(days=14)

    def is_overdue(self, today):
        return today > self.due_date()
