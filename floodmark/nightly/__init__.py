"""A night: its suite and order, how it is carried out, and how it is judged against the nights before."""
