"""Activitys."""
