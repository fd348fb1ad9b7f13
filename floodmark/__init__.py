"""Finds where a Flask deployment saturates, and what limits it."""

__version__ = "0.1.0"
