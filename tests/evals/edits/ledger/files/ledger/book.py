from ledger.account import Account


class Book:
    """All accounts, by name."""

    def __init__(self):
        self.accounts = {}

    def open(self, name):
        if name in self.accounts:
            raise ValueError(f"account {name} exists")
        account = Account(name)
        self.accounts[name] = account
        return account

    def get(self, name):
        return self.accounts[name]

    def transfer(self, source, target, amount, note=""):
        self.get(source).withdraw(amount, note)
        self.get(target).deposit(amount, note)

    def total(self):
        return sum(account.balance for account in self.accounts.values())
