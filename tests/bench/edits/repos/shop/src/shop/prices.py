"""Prices, taxes and discounts."""

from decimal import ROUND_HALF_UP, Decimal

TAX_RATES = {"DE": 19, "FR": 20, "CH": 8.1}
DEFAULT_COUNTRY = "DE"


def apply_discount(price, percent):
    if not 0 <= percent <= 100:
        raise ValueError("percent must be between 0 and 100")
    return price * (100 - percent) / 100


def with_tax(price, country=DEFAULT_COUNTRY):
    # An unknown country pays the tax of the default one.
    rate = TAX_RATES.get(country, TAX_RATES[DEFAULT_COUNTRY])
    return price * (100 + rate) / 100


def round_cents(price):
    return float(Decimal(str(price)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
