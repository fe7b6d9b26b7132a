"""A small double-entry ledger."""

from ledger.account import Account
from ledger.book import Book

__all__ = ["Account", "Book"]
