"""Showing results: in the terminal, as they come and at the end."""
