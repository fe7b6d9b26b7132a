import sys
import re
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def parse_amount(text):
    """The amount in `text`, such as 12.50 or 1,200."""
    match = re.fullmatch(r"(-?)([0-9,]+)(\.[0-9]{1,2})?", text.strip())
    if match is None:
        raise ValueError("not an amount")
    sign, whole, cents = match.groups()
    return Decimal(sign + whole.replace(",", "") + (cents or ""))


def round_amount(amount):
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def format_amount(amount, currency="EUR"):
    """The amount with two digits and its currency."""
    return f"{round_amount(amount):,} {currency}"


def split_amount(amount, parts):
    """Split an amount into equal parts; the first ones get the cents that are left."""
    share = (amount / parts).quantize(CENT, rounding="ROUND_DOWN")
    left = int((amount - share * parts) / CENT)
    return [share + CENT if at <= left else share for at in range(parts)]
