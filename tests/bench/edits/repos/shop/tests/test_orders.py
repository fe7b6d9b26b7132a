import unittest

from shop.orders import Order, find_order, open_orders
from shop.report import order_report


class OrdersTest(unittest.TestCase):
    def setUp(self):
        self.order = Order(7, [("tea", 4.5, 2), ("cup", 3.0, 1)])

    def test_total(self):
        self.assertEqual(self.order.total(), 12.0)
        self.assertEqual(self.order.total(discount=50), 6.0)

    def test_pay(self):
        self.order.pay()
        self.assertEqual(self.order.state, "paid")
        self.assertRaises(ValueError, self.order.pay)

    def test_find(self):
        self.assertIs(find_order([self.order], 7), self.order)
        self.assertIsNone(find_order([self.order], 8))
        self.assertEqual(open_orders([self.order]), [self.order])

    def test_report(self):
        report = "Order 7 (new)\n2 x tea: 9.00\n1 x cup: 3.00\nTotal: 12.00"
        self.assertEqual(order_report(self.order), report)


if __name__ == "__main__":
    unittest.main()
