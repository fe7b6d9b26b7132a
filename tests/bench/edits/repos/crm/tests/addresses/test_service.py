import unittest

from crm.addresses.export import addresss_csv
from crm.addresses.filters import by_city
from crm.addresses.service import AddressService


class AddressServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = AddressService()
        self.address = self.service.create("street0", "city1", "postcode2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.address.id), self.address)

    def test_filter(self):
        self.assertEqual(by_city([self.address], "city1"), [self.address])

    def test_export(self):
        self.assertTrue(addresss_csv([self.address]).startswith("street,city,postcode\n"))

    def test_remove(self):
        self.service.remove(self.address.id)
        self.assertEqual(self.service.repository.all(), [])
