"""Discounts for early payment."""

EARLY_DAYS = 14


def early_discount(amount, days, percent=2):
    if days <= EARLY_DAYS:
        return amount * percent / 100
    return 0
