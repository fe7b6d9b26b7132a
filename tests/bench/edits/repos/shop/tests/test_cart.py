import unittest

from shop.cart import Cart


class CartTest(unittest.TestCase):
    def test_total(self):
        cart = Cart()
        cart.add("tea", 4.5, quantity=2)
        cart.add("cup", 3.0)
        self.assertEqual(cart.total(), 12.0)

    def test_discounted_total(self):
        cart = Cart()
        cart.add("tea", 10.0)
        self.assertEqual(cart.discounted_total(10), 9.0)

    def test_remove(self):
        cart = Cart()
        cart.add("tea", 10.0)
        cart.remove("tea")
        self.assertTrue(cart.is_empty())


if __name__ == "__main__":
    unittest.main()
