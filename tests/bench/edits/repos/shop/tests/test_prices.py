import unittest

from shop.prices import apply_discount, round_cents, with_tax


class PricesTest(unittest.TestCase):
    def test_apply_discount(self):
        self.assertEqual(apply_discount(200, 25), 150)

    def test_apply_discount_refuses_nonsense(self):
        with self.assertRaises(ValueError):
            apply_discount(200, 120)

    def test_with_tax(self):
        self.assertEqual(with_tax(100), 119)
        self.assertEqual(with_tax(100, "FR"), 120)

    def test_round_cents(self):
        self.assertEqual(round_cents(1.005), 1.01)


if __name__ == "__main__":
    unittest.main()
