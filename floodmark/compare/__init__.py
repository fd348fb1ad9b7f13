"""Comparison of two runs, folders of runs or nights."""
