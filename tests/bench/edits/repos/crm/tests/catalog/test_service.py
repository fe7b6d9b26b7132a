import unittest

from crm.catalog.export import products_csv
from crm.catalog.filters import by_price
from crm.catalog.service import ProductService


class ProductServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = ProductService()
        self.product = self.service.create("title0", 2.0, "unit2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.product.id), self.product)

    def test_filter(self):
        self.assertEqual(by_price([self.product], 2.0), [self.product])

    def test_export(self):
        self.assertTrue(products_csv([self.product]).startswith("title,price,unit\n"))

    def test_remove(self):
        self.service.remove(self.product.id)
        self.assertEqual(self.service.repository.all(), [])
