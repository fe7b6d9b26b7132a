"""The cart of a customer."""

from shop.prices import apply_discount


class Cart:
    def __init__(self):
        self.items = []

    def add(self, name, price, quantity=1):
        if quantity < 1:
            raise ValueError("quantity must be at least 1")
        self.items.append((name, price, quantity))

    def remove(self, name):
        self.items = [item for item in self.items if item[0] != name]

    def total(self):
        result = 0
        for _, price, quantity in self.items:
            result += price * quantity
        return result

    def discounted_total(self, percent):
        return apply_discount(self.total(), percent)

    def is_empty(self):
        return not self.items
