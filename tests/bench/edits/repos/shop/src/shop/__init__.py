"""Carts, prices and orders of a small shop."""

from shop.cart import Cart
from shop.prices import apply_discount

__all__ = ["Cart", "apply_discount"]
