"""A night: its plan, carrying it out visit by visit, and what it says beside the nights before."""
