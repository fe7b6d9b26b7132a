"""How many pieces of each article are in stock."""


class Inventory:
    """The stock of one warehouse."""

    def __init__(self, stock=None):
        self.stock = dict(stock or {})

    def add(self, article, count):
        """Add pieces of an article."""
        self.stock[article] = self.stock.get(article, 0) + count

    def remove(self, article, count):
        """Take pieces of an article out of the stock."""
        self.stock[article] = self.stock.get(article, 0) - count

    def available(self, article):
        """How many pieces of an article there are."""
        return self.stock.get(article, 0)
