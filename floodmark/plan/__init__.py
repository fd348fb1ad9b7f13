"""Turns scenario files and options into an ordered list of runs with time estimates, without starting anything."""
