"""Edge: between a level that is well and one that is not, the least that is not."""

from __future__ import annotations

from collections.abc import Callable, Generator

from floodmark.search.order import Order
from floodmark.search.state import SearchState
from floodmark.verdict.enums import Phase
from floodmark.verdict.overload import COLLAPSED, USED, as_held, failing, verified_collapse
from floodmark.verdict.visit import Visit

Bad = Callable[[Visit], bool]

CLOSE = 1.05
"""Levels within 5 % of each other are told apart no further."""


def edges(state: SearchState, held_users: int) -> Generator[Order, Visit, None]:
    """Narrow down where errors begin, and where goodput collapses, when either was seen."""

    def collapsed(visit: Visit) -> bool:
        return visit.users > held_users and visit.goodput_rps < COLLAPSED * state.ceiling_rps

    yield from narrow_errors(state)
    if verified_collapse(state.visits, state.ceiling_rps):
        yield from _narrow(state, collapsed, lambda: [s for s in state.visits if s.phase in USED])


def narrow_errors(state: SearchState) -> Generator[Order, Visit, None]:
    """Narrow down where errors begin."""
    yield from _narrow(state, failing, lambda: as_held(state.visits, state.think_s))


def _narrow(state: SearchState, bad: Bad, look_back: Callable[[], list[Visit]]) -> Generator[Order, Visit, None]:
    """Bisect by short visits, on a logarithmic scale. look_back: the visits that count so far."""
    effort = state.settings.effort
    while state.time_left_s > effort.edge_s + state.settle_s(1, think=True) + effort.settle_min_s:
        seen = look_back()
        worse = [s.users for s in seen if bad(s)]
        if not worse:
            return
        above = min(worse)
        below = max((s.users for s in seen if s.users < above), default=0)
        middle = max(below + 1, round((max(below, 1) * above) ** 0.5))
        if middle >= above or above <= CLOSE * below:
            return
        yield from state.visit(Phase.OVERLOAD, middle, effort.edge_s, think=True, fresh=True, may_fail=True)
