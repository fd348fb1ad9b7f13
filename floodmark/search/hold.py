"""Hold: alternate visits of the base level and the hold level until the ceiling is known well enough."""

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
"""Spread of visits, in their own half-widths, that chance does not explain."""


@dataclass(slots=True)
class Hold:
    """Visits at one hold level."""

    users: int
    visits: list[Visit] = field(default_factory=list)

    @property
    def ceiling(self) -> Interval:
        """Median goodput with the interval of the run."""
        return pooled_interval([s.goodput_rps for s in self.visits], [s.half_width for s in self.visits])

    @property
    def uneven(self) -> bool:
        """Whether visits disagree by more than their own windows explain.

        Kept connections are dealt to workers anew for each visit: below some number of users the deal leaves
        slots idle in one visit and not in the next.
        """
        rates = [s.goodput_rps for s in self.visits]
        own = sum(s.half_width for s in self.visits) / max(1, len(rates))
        spread = (max(rates) - min(rates)) / self.ceiling.value if rates else 0.0
        return len(rates) >= 2 and spread > max(MIDDLE_AGREE, UNEVEN * own)

    def settled(self, precision: float, at_least: int) -> bool:
        """Whether the interval is narrow enough and the middle visits agree."""
        if len(self.visits) < at_least:
            return False
        rates = [s.goodput_rps for s in self.visits]
        return self.ceiling.half_width <= precision and agree(rates, MIDDLE_AGREE)


def hold(state: SearchState, held: Hold, *, leave_uneven: bool) -> Generator[Order, Visit, None]:
    """Visit the level until the interval is reached, the visits are used up, or time runs out.

    leave_uneven: stop as soon as the level proves uneven.

    Base visits in between turn drift and bursts into visible disagreement, which the median removes, and
    give R0 under the same conditions. Each hold visit starts on fresh connections, so that an uneven spread
    of connections over workers is sampled and not inherited.
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
    """How well R0 is to be known for N* = C (R0 + Z): the longer users think, the less it matters."""
    return BASE_HALF_WIDTH * (state.r0_s + state.think_s) / state.r0_s


def _judge_base(state: SearchState, visit: Visit, users: int) -> int:
    """Take R0 from an uncontended base; halve a base that was contended after all."""
    if visit.r_mean_ms is None:
        return users
    r0_s = visit.r_mean_ms / 1000
    if users > 1 and users > CONTENDED * state.ceiling_rps * min(r0_s, state.r0_s):
        return max(1, users // 2)
    state.r0_s = min(state.r0_s, r0_s)
    return users
