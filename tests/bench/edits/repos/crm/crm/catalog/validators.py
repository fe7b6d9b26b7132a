"""Which products are accepted."""


def validate_product(product):
    problems = []
    if product.title in (None, ""):
        problems.append("title is missing")
    if product.price < 0:
        problems.append("price is negative")
    return problems
