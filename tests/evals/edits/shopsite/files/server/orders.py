from server.prices import shipping


def place(cart, address):
    """Turn a cart into an order, as a dictionary."""
    if not cart.lines:
        raise ValueError("the cart is empty")
    total = cart.total()
    return {
        "address": address.strip(),
        "lines": dict(cart.lines),
        "shipping": shipping(total),
        "total": total + shipping(total),
    }
