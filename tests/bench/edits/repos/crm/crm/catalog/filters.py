"""Choosing among products."""


def by_price(products, price):
    return [product for product in products if product.price == price]


def by_unit(products, unit):
    return [product for product in products if product.unit == unit]
