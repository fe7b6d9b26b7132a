"""What can be done with addresss."""

from crm.addresses.models import Address
from crm.addresses.repository import AddressRepository
from crm.addresses.validators import validate_address


class AddressService:
    def __init__(self, repository=None):
        self.repository = repository or AddressRepository()
        self._next = 1

    def create(self, street, city, postcode):
        address = Address(self._next, street, city, postcode)
        problems = validate_address(address)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(address)
        return address

    def remove(self, id):
        self.repository.delete(id)
