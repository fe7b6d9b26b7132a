from server.prices import price_of


class Cart:
    """What a customer is about to buy."""

    def __init__(self):
        self.lines = {}

    def add(self, sku, count=1):
        self.lines[sku] = self.lines.get(sku, 0) + count

    def remove(self, sku):
        del self.lines[sku]

    def total(self):
        return sum(price_of(sku) * count for sku, count in self.lines.items())
