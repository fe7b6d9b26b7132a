PRICES = {"tea": 450, "cup": 1200, "pot": 3900}


def price_of(sku):
    """The price in cents."""
    try:
        return PRICES[sku]
    except KeyError:
        raise LookupError("unknown article") from None


def shipping(total):
    # free from 50 euros on
    if total > 5000:
        return 0
    return 490
