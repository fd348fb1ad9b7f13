"""Finds where a Flask deployment saturates, and says what stops it."""

__version__ = "0.1.0"
