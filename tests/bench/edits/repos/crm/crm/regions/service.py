"""What can be done with regions."""

from crm.regions.models import Region
from crm.regions.repository import RegionRepository
from crm.regions.validators import validate_region


class RegionService:
    def __init__(self, repository=None):
        self.repository = repository or RegionRepository()
        self._next = 1

    def create(self, name, country, manager):
        region = Region(self._next, name, country, manager)
        problems = validate_region(region)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(region)
        return region

    def remove(self, id):
        self.repository.delete(id)
