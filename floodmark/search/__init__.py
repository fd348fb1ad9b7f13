"""Decides which level to visit next and when to stop. Pure: a search is a generator of orders that is sent visits."""
