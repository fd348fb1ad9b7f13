"""PURE: where to go next and when to stop. A search is a generator of orders that is sent what was seen."""

from floodmark.search.find import find_ceiling
from floodmark.search.order import Order, Outcome, Search
from floodmark.search.pace import FULL, QUICK, Pace, SearchSettings

__all__ = ["FULL", "QUICK", "Order", "Outcome", "Pace", "Search", "SearchSettings", "find_ceiling"]
