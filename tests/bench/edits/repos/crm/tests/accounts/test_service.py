import unittest

from crm.accounts.export import accounts_csv
from crm.accounts.filters import by_industry
from crm.accounts.service import AccountService


class AccountServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = AccountService()
        self.account = self.service.create("name0", "industry1", "website2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.account.id), self.account)

    def test_filter(self):
        self.assertEqual(by_industry([self.account], "industry1"), [self.account])

    def test_export(self):
        self.assertTrue(accounts_csv([self.account]).startswith("name,industry,website\n"))

    def test_remove(self):
        self.service.remove(self.account.id)
        self.assertEqual(self.service.repository.all(), [])
