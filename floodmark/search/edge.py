"""The edge phase: bisects for the lowest level with errors or a collapse."""

from __future__ import annotations

from collections.abc import Callable, Generator

from floodmark.search.order import Order
from floodmark.search.state import SearchState
from floodmark.verdict.enums import Phase
from floodmark.verdict.overload import COLLAPSED, USED, as_held, failing, verified_collapse
from floodmark.verdict.visit import Visit

Bad = Callable[[Visit], bool]

CLOSE = 1.05
"""Bisection stops when the levels are within 5 % of each other."""


def edges(state: SearchState, held_users: int) -> Generator[Order, Visit, None]:
    """Narrow down where errors begin and where goodput collapses, if either was observed."""

    def collapsed(visit: Visit) -> bool:
        return visit.users > held_users and visit.goodput_rps < COLLAPSED * state.ceiling_rps

    yield from narrow_errors(state)
    if verified_collapse(state.visits, state.ceiling_rps):
        yield from _narrow(state, collapsed, lambda: [v for v in state.visits if v.phase in USED])


def narrow_errors(state: SearchState) -> Generator[Order, Visit, None]:
    """Narrow down where errors begin."""
    yield from _narrow(state, failing, lambda: as_held(state.visits, state.think_s))


def _narrow(state: SearchState, bad: Bad, relevant: Callable[[], list[Visit]]) -> Generator[Order, Visit, None]:
    """Bisect on a logarithmic scale by short visits. ``relevant`` returns the visits so far that count."""
    effort = state.settings.effort
    while state.time_left_s > effort.edge_s + state.settle_s(1, think=True) + effort.settle_min_s:
        visits = relevant()
        bad_levels = [v.users for v in visits if bad(v)]
        if not bad_levels:
            return
        above = min(bad_levels)
        below = max((v.users for v in visits if v.users < above), default=0)
        middle = max(below + 1, round((max(below, 1) * above) ** 0.5))
        if middle >= above or above <= CLOSE * below:
            return
        yield from state.visit(Phase.OVERLOAD, middle, effort.edge_s, think=True, fresh=True, may_fail=True)
