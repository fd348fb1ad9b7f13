"""Timing claims of this project, each measured by a program anyone can rerun."""
