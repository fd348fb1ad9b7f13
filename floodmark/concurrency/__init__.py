"""Measures how many requests are really inside the app at once, under bursts of simultaneous requests."""
