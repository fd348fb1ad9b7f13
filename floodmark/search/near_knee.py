"""Visits just below and above the knee, from which ``n95_users`` is read."""

from __future__ import annotations

from collections.abc import Generator

from floodmark.search.order import Order
from floodmark.search.state import SearchState
from floodmark.verdict.curve import reached
from floodmark.verdict.enums import Phase
from floodmark.verdict.overload import failing, with_think
from floodmark.verdict.visit import Visit

NEAR_HALF_WIDTH = 0.02
UP, DOWN = (1.15, 1.35, 1.6), (0.8, 0.6)
MOST_VISITS = 4
CLOSE = 1.3
"""Levels on both sides of 95 % should be within this factor of each other."""


def near_knee(state: SearchState) -> Generator[Order, Visit, None]:
    """Visit the knee, and levels below or above it, until two of them enclose 95 % of the ceiling closely."""
    levels = [state.users_for(1.0, think=True)]
    for _ in range(MOST_VISITS):
        users = levels[-1]
        visit = yield from state.visit(
            Phase.PLACE, users, state.settings.effort.place, think=True, may_fail=True, half_width=NEAR_HALF_WIDTH
        )
        if failing(visit):
            return
        factors = DOWN if reached(visit, state.ceiling_rps, state.think_s) else UP
        following = next((n for f in factors if (n := state.users_for(f, think=True)) not in levels), None)
        if following is None or _enclosed(state):
            return
        levels.append(following)


def _enclosed(state: SearchState) -> bool:
    """Whether levels below and above 95 % of the ceiling are visited that lie near each other."""
    visits = [v for v in with_think(state.visits, state.think_s) if v.valid]
    above = [v.users for v in visits if reached(v, state.ceiling_rps, state.think_s)]
    below = [v.users for v in visits if not reached(v, state.ceiling_rps, state.think_s)]
    if not above:
        return False
    lower = max((n for n in below if n < min(above)), default=0)
    return min(above) <= max(CLOSE * lower, lower + 1)
