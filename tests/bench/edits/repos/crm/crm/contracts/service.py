"""What can be done with contracts."""

from crm.contracts.models import Contract
from crm.contracts.repository import ContractRepository
from crm.contracts.validators import validate_contract


class ContractService:
    def __init__(self, repository=None):
        self.repository = repository or ContractRepository()
        self._next = 1

    def create(self, title, months, signer):
        contract = Contract(self._next, title, months, signer)
        problems = validate_contract(contract)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(contract)
        return contract

    def remove(self, id):
        self.repository.delete(id)
