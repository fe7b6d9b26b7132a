import unittest

from crm.contracts.export import contracts_csv
from crm.contracts.filters import by_months
from crm.contracts.service import ContractService


class ContractServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = ContractService()
        self.contract = self.service.create("title0", 2.0, "signer2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.contract.id), self.contract)

    def test_filter(self):
        self.assertEqual(by_months([self.contract], 2.0), [self.contract])

    def test_export(self):
        self.assertTrue(contracts_csv([self.contract]).startswith("title,months,signer\n"))

    def test_remove(self):
        self.service.remove(self.contract.id)
        self.assertEqual(self.service.repository.all(), [])
