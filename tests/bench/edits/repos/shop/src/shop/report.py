"""Reports in plain text."""

from shop.util import format_price


def format_total(amount):
    return "Total: " + format_price(amount)


def order_report(order):
    lines = [f"Order {order.number} ({order.state})"]
    for name, price, quantity in order.lines:
        lines.append(f"{quantity} x {name}: {format_price(price * quantity)}")
    lines.append(format_total(order.total()))
    return "\n".join(lines)
