import unittest

from crm.payments.export import payments_csv
from crm.payments.filters import by_method
from crm.payments.service import PaymentService


class PaymentServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = PaymentService()
        self.payment = self.service.create(1.0, "method1", "reference2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.payment.id), self.payment)

    def test_filter(self):
        self.assertEqual(by_method([self.payment], "method1"), [self.payment])

    def test_export(self):
        self.assertTrue(payments_csv([self.payment]).startswith("amount,method,reference\n"))

    def test_remove(self):
        self.service.remove(self.payment.id)
        self.assertEqual(self.service.repository.all(), [])
