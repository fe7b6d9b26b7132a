"""What can be done with deals."""

from crm.deals.models import Deal
from crm.deals.repository import DealRepository
from crm.deals.validators import validate_deal


class DealService:
    def __init__(self, repository=None):
        self.repository = repository or DealRepository()
        self._next = 1

    def create(self, title, amount, stage):
        deal = Deal(self._next, title, amount, stage)
        problems = validate_deal(deal)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(deal)
        return deal

    def remove(self, id):
        self.repository.delete(id)
