"""Sweeps: which settings of a server are best for a budget, and where more of a setting stops helping."""
