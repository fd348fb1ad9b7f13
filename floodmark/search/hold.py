"""The hold phase: alternates visits to the base and the held level until the ceiling is known precisely enough."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from floodmark.search.order import Order
from floodmark.search.state import SearchState
from floodmark.stats.intervals import Interval, agree, pooled_interval
from floodmark.verdict.enums import Phase
from floodmark.verdict.knee import CONTENDED
from floodmark.verdict.visit import Visit

MIDDLE_AGREE = 0.04
BASE_HALF_WIDTH, HOLD_HALF_WIDTH = 0.06, 0.015
UNEVEN = 3.0
"""Visits that spread by more than this many of their own half-widths differ by more than chance."""


@dataclass(slots=True)
class Hold:
    """The visits to one held level."""

    users: int
    visits: list[Visit] = field(default_factory=list)

    @property
    def ceiling(self) -> Interval:
        """Median goodput with its pooled interval."""
        return pooled_interval([v.goodput_rps for v in self.visits], [v.half_width for v in self.visits])

    @property
    def uneven(self) -> bool:
        """Whether visits differ by more than their own intervals explain.

        Each visit spreads its kept connections over the workers anew. With too few users, some spreads leave slots idle
        and others do not.
        """
        rates = [v.goodput_rps for v in self.visits]
        mean_half_width = sum(v.half_width for v in self.visits) / max(1, len(rates))
        spread = (max(rates) - min(rates)) / self.ceiling.value if rates else 0.0
        return len(rates) >= 2 and spread > max(MIDDLE_AGREE, UNEVEN * mean_half_width)

    def settled(self, precision: float, at_least: int) -> bool:
        """Whether the interval is narrow enough and the middle visits agree."""
        if len(self.visits) < at_least:
            return False
        rates = [v.goodput_rps for v in self.visits]
        return self.ceiling.half_width <= precision and agree(rates, MIDDLE_AGREE)


def hold(state: SearchState, held: Hold, *, leave_uneven: bool) -> Generator[Order, Visit, None]:
    """Visit the level until its interval is narrow enough, the visits are used up, or time runs out.

    With ``leave_uneven``, stop as soon as the level proves uneven.

    The base visits in between measure R0 under the same conditions, and separate the hold visits in time, so that drift
    and bursts show as disagreement that the median removes. Each hold visit opens new connections, so that an uneven
    spread of connections over the workers is sampled rather than inherited.
    """
    effort, precision = state.settings.effort, state.settings.precision
    base_users = max(1, int(state.knee_inflight / 2))
    while len(held.visits) < effort.holds_max and not held.settled(precision, effort.holds_min):
        if held.visits and state.time_left_s < state.verification_s + state.round_s(held.users):
            break
        if leave_uneven and held.uneven:
            break
        visit = yield from state.visit(
            Phase.BASE,
            base_users,
            effort.rebase_max_s,
            think=False,
            min_s=effort.rebase_s,
            half_width=_base_half_width(state),
        )
        base_users = _judge_base(state, visit, base_users)
        visit = yield from state.visit(
            Phase.HOLD,
            held.users,
            state.hold_s(held.users),
            think=True,
            fresh=True,
            min_s=effort.hold_min_s,
            half_width=HOLD_HALF_WIDTH,
        )
        held.visits.append(visit)
        state.ceiling_rps = held.ceiling.value


def _base_half_width(state: SearchState) -> float:
    """The precision that N* = C (R0 + Z) needs of R0: the longer users think, the less R0 matters."""
    return BASE_HALF_WIDTH * (state.r0_s + state.think_s) / state.r0_s


def _judge_base(state: SearchState, visit: Visit, users: int) -> int:
    """Take R0 from an uncontended base visit, or halve the users of a base that turned out to be contended."""
    if visit.r_mean_ms is None:
        return users
    r0_s = visit.r_mean_ms / 1000
    if users > 1 and users > CONTENDED * state.ceiling_rps * min(r0_s, state.r0_s):
        return max(1, users // 2)
    state.r0_s = min(state.r0_s, r0_s)
    return users
