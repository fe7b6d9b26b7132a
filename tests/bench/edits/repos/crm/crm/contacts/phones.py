"""Telephone numbers."""

import re

COUNTRY_CODE = "49"


def normalize_phone(text, country=COUNTRY_CODE):
    digits = re.sub(r"[^0-9+]", "", text)
    if digits.startswith("+"):
        return digits
    if digits.startswith("00"):
        return "+" + digits[2:]
    return "+" + country + digits.lstrip("0")


def same_phone(left, right):
    """Whether two numbers reach the same telephone."""
    return normalize_phone(left) == normalize_phone(right)
