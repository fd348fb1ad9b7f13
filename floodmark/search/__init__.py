"""PURE: where to go next and when to stop. A search is a generator of orders that is sent what was seen."""
