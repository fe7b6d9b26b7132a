"""Small helpers."""

import re


def format_price(amount):
    return f"{amount:.2f}"


def split_name(full_name):
    first, _, last = full_name.partition(" ")
    return first, last


def is_email(text):
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) is not None


def chunks(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]
