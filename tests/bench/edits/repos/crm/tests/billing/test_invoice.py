import unittest
from datetime import date

from crm.billing.invoice import Invoice
from crm.billing.numbers import InvoiceNumberGenerator
from crm.billing.reminders import remind
from crm.notify import mail


class InvoiceTest(unittest.TestCase):
    def setUp(self):
        mail.OUTBOX.clear()
        self.invoice = Invoice("R1", date(2024, 1, 1), [("work", 10), ("tea", 2)])

    def test_total(self):
        self.assertEqual(self.invoice.total(), 12)

    def test_due_date_is_later(self):
        self.assertGreater(self.invoice.due_date(), self.invoice.issued)

    def test_numbers_differ(self):
        numbers = InvoiceNumberGenerator()
        self.assertNotEqual(numbers.next(), numbers.next())

    def test_remind(self):
        self.assertFalse(remind(self.invoice, "a@x.org", date(2024, 1, 2)))
        self.assertTrue(remind(self.invoice, "a@x.org", date(2024, 6, 1)))
        self.assertEqual(len(mail.OUTBOX), 1)
