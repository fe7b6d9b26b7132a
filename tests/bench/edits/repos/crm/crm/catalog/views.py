"""How products are shown."""


def product_row(product):
    return [str(product.title), str(product.price), str(product.unit)]


def product_table(products):
    head = ["title", "price", "unit"]
    return [head] + [product_row(product) for product in products]
