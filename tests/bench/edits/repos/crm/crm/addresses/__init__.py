"""Addresss."""
