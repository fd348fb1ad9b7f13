"""The edge phase: bisects for the lowest level with errors or a collapse."""

from __future__ import annotations

from collections.abc import Callable, Generator

from floodmark.search.order import Order
from floodmark.search.state import SearchState
from floodmark.verdict.enums import Phase
from floodmark.verdict.overload import COLLAPSED, USED, failing, verified_collapse, with_think
from floodmark.verdict.visit import Visit

Bad = Callable[[Visit], bool]

CLOSE = 1.05
"""Bisection stops when the levels are within 5 % of each other."""


def edges(state: SearchState) -> Generator[Order, Visit, None]:
    """Narrow down where errors begin and where goodput collapses, if either was observed."""
    least = state.knee_users

    def collapsed(visit: Visit) -> bool:
        return visit.users > least and visit.goodput_rps < COLLAPSED * state.ceiling_rps

    yield from narrow_errors(state, think=True)
    if verified_collapse(state.visits, state.ceiling_rps):
        users = lambda: [v for v in with_think(state.visits, state.think_s) if v.phase in USED]  # noqa: E731
        yield from _narrow(state, collapsed, users, think=True)


def narrow_errors(state: SearchState, *, think: bool) -> Generator[Order, Visit, None]:
    """Narrow down where errors begin."""
    think_s = state.think_s if think else 0.0
    yield from _narrow(state, failing, lambda: with_think(state.visits, think_s), think=think)


def _narrow(
    state: SearchState, bad: Bad, relevant: Callable[[], list[Visit]], *, think: bool
) -> Generator[Order, Visit, None]:
    """Bisect on a logarithmic scale by short visits. ``relevant`` returns the visits so far that count."""
    effort = state.settings.effort
    while True:
        visits = relevant()
        bad_levels = [v.users for v in visits if bad(v)]
        if not bad_levels:
            return
        above = min(bad_levels)
        below = max((v.users for v in visits if v.users < above), default=0)
        middle = max(below + 1, round((max(below, 1) * above) ** 0.5))
        if middle >= above or above <= CLOSE * below:
            return
        if state.time_left_s < state.visit_s(effort.edge, middle, think=think):
            return
        yield from state.visit(Phase.OVERLOAD, middle, effort.edge, think=think, fresh=True, may_fail=True)
