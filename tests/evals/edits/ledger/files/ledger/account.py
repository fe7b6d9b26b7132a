from decimal import Decimal


class InsufficientFunds(Exception):
    """Raised when an account would go below its limit."""


class Account:
    """An account with a balance and a limit below which it may not go."""

    def __init__(self, name, limit=Decimal(0)):
        self.name = name
        self.limit = limit
        self.entries = []

    @property
    def balance(self):
        return sum((amount for amount, _ in self.entries), Decimal(0))

    def deposit(self, amount, note=""):
        self.entries.append((amount, note))

    def withdraw(self, amount, note=""):
        tmp = self.balance - amount
        if tmp < -self.limit:
            raise InsufficientFunds("insufficient funds")
        self.entries.append((-amount, note))
        return tmp

    def history(self, count=10):
        """The last entries, newest first."""
        return list(reversed(self.entries))[:count]
