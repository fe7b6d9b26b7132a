import unittest

from crm.deals.export import deals_csv
from crm.deals.filters import by_amount
from crm.deals.service import DealService


class DealServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = DealService()
        self.deal = self.service.create("title0", 2.0, "stage2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.deal.id), self.deal)

    def test_filter(self):
        self.assertEqual(by_amount([self.deal], 2.0), [self.deal])

    def test_export(self):
        self.assertTrue(deals_csv([self.deal]).startswith("title,amount,stage\n"))

    def test_remove(self):
        self.service.remove(self.deal.id)
        self.assertEqual(self.service.repository.all(), [])
