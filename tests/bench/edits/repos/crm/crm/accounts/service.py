"""What can be done with accounts."""

from crm.accounts.models import Account
from crm.accounts.repository import AccountRepository
from crm.accounts.validators import validate_account


class AccountService:
    def __init__(self, repository=None):
        self.repository = repository or AccountRepository()
        self._next = 1

    def create(self, name, industry, website):
        account = Account(self._next, name, industry, website)
        problems = validate_account(account)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(account)
        return account

    def remove(self, id):
        self.repository.delete(id)
