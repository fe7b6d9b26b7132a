import unittest
from decimal import Decimal

from ledger import Book
from ledger.money import format_amount, parse_amount, split_amount
from ledger.report import balances


class LedgerTest(unittest.TestCase):
    def test_parse(self):
        self.assertEqual(parse_amount("1,200.50"), Decimal("1200.50"))

    def test_format(self):
        self.assertEqual(format_amount(Decimal("1200.5")), "1,200.50 EUR")

    def test_split(self):
        self.assertEqual(sum(split_amount(Decimal(9), 3)), 9)

    def test_transfer(self):
        book = Book()
        book.open("a").deposit(Decimal(10))
        book.open("b")
        book.transfer("a", "b", Decimal(4))
        self.assertEqual(balances(book), "a: 6.00 EUR\nb: 4.00 EUR")


if __name__ == "__main__":
    unittest.main()
