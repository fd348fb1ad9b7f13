"""Measures how well a server still serves others while slow or hostile clients are connected."""
