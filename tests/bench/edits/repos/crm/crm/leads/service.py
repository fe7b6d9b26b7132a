"""What can be done with leads."""

from crm.leads.models import Lead
from crm.leads.repository import LeadRepository
from crm.leads.validators import validate_lead


class LeadService:
    def __init__(self, repository=None):
        self.repository = repository or LeadRepository()
        self._next = 1

    def create(self, name, source, score):
        lead = Lead(self._next, name, source, score)
        problems = validate_lead(lead)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(lead)
        return lead

    def remove(self, id):
        self.repository.delete(id)
