"""Orders and their states."""

from dataclasses import dataclass, field

from shop.prices import apply_discount, round_cents

STATES = ("new", "paid", "shipped", "cancelled")


@dataclass
class Order:
    number: int
    lines: list = field(default_factory=list)
    state: str = "new"

    def total(self, discount=0):
        amount = sum(price * quantity for _, price, quantity in self.lines)
        return round_cents(apply_discount(amount, discount))

    def pay(self):
        if self.state != "new":
            raise ValueError("only a new order can be paid")
        self.state = "paid"


def open_orders(orders):
    return [order for order in orders if order.state in ("new", "paid")]


def find_order(orders, number):
    for order in orders:
        if order.number == number:
            return order
    return None
