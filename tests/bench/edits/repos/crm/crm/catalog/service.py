"""What can be done with products."""

from crm.catalog.models import Product
from crm.catalog.repository import ProductRepository
from crm.catalog.validators import validate_product


class ProductService:
    def __init__(self, repository=None):
        self.repository = repository or ProductRepository()
        self._next = 1

    def create(self, title, price, unit):
        product = Product(self._next, title, price, unit)
        problems = validate_product(product)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(product)
        return product

    def remove(self, id):
        self.repository.delete(id)
