"""The hold phase: visits the held level, and the base now and then, until the ceiling is known precisely enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass, field

from floodmark.search.order import Order
from floodmark.search.settings import Span
from floodmark.search.state import LATE, SearchState, Visiting
from floodmark.stats.intervals import Interval, agree, median_interval, pooled_interval
from floodmark.verdict.enums import Phase
from floodmark.verdict.knee import uncontended
from floodmark.verdict.visit import Visit

MIDDLE_AGREE = 0.04
BASE_HALF_WIDTH, HOLD_HALF_WIDTH = 0.06, 0.015
UNEVEN = 3.0
"""Visits that spread by more than this many of their own half-widths differ by more than chance."""
BASE_EVERY = 3
"""A base visit follows so many hold visits, or comes sooner if R0 is what the knee's error is made of."""
WORTH_SETTLING = 2.0
"""A window of users who think lasts up to this many times its settling time."""
HOLD_ANSWERS = 100
"""A hold visit of a slow target whose service times vary has up to so many answers."""
VOID_MOST = 3
"""So many void visits are made again."""


@dataclass(slots=True)
class Hold:
    """The visits to one held level."""

    users: int
    think: bool
    made: list[Visit] = field(default_factory=list)

    @property
    def visits(self) -> list[Visit]:
        """Those that count, which are those the verdict counts."""
        return [v for v in self.made if v.valid]

    @property
    def ceiling(self) -> Interval:
        """Midmean of goodput with its pooled interval. Void visits are used only if there are no others."""
        visits = self.visits or self.made
        return pooled_interval([v.goodput_rps for v in visits], [v.half_width for v in visits])

    @property
    def uneven(self) -> bool:
        """Whether visits differ by more than their own intervals explain.

        Each visit opens new connections, which are spread over the workers differently. With too few users, some
        spreads leave slots idle and others do not.
        """
        visits = self.visits
        rates = [v.goodput_rps for v in visits]
        mean_half_width = sum(v.half_width for v in visits) / max(1, len(rates))
        spread = (max(rates) - min(rates)) / self.ceiling.value if rates else 0.0
        return len(rates) >= 2 and spread > max(MIDDLE_AGREE, UNEVEN * mean_half_width)

    def settled(self, precision: float, at_least: int) -> bool:
        """Whether the interval is narrow enough and the middle visits agree."""
        rates = [v.goodput_rps for v in self.visits]
        if len(rates) < at_least:
            return False
        return self.ceiling.half_width <= precision and agree(rates, MIDDLE_AGREE)

    def exhausted(self, most: int) -> bool:
        """Whether there have been enough visits, or too many void ones."""
        return len(self.visits) >= most or len(self.made) >= most + VOID_MOST


def hold(state: SearchState, held: Hold, *, leave_uneven: bool) -> Generator[Order, Visit, None]:
    """Visit the level until its interval is narrow enough, the visits are used up, or time runs out.

    With ``leave_uneven``, stop as soon as the level proves uneven.

    The base visits in between measure R0 under the same conditions. Each hold visit opens new connections, so that an
    uneven spread of connections over the workers is sampled rather than inherited.
    """
    effort, precision = state.settings.effort, state.settings.precision
    while not held.exhausted(effort.holds_max) and not held.settled(precision, effort.holds_min):
        round_s = state.visit_s(state.settings.effort.hold, held.users, think=held.think)
        if held.made and state.time_left_s < state.verification_s + round_s:
            break
        if leave_uneven and held.uneven:
            break
        if _base_is_due(state, held):
            yield from _visit_base(state)
        visit = yield from hold_visit(state, held)
        held.made.append(visit)
        state.ceiling_rps = held.ceiling.value


def _base_is_due(state: SearchState, held: Hold) -> bool:
    """Before the first hold visit, after every third, and while R0 contributes more to the knee's error than C."""
    if len(held.made) % BASE_EVERY == 0:
        return True
    r0 = median_interval([v.r_mean_ms or 0.0 for v in state.visits if v.phase is Phase.BASE])
    share = state.r0_s / (state.r0_s + state.think_s)
    return share * r0.half_width > max(held.ceiling.half_width, BASE_HALF_WIDTH)


def hold_visit(state: SearchState, held: Hold, *, half_width: float = HOLD_HALF_WIDTH) -> Visiting:
    """Visit the held level once, for as long as time allows at least three visits."""
    visits_left = max(1, state.settings.effort.holds_min - len(held.visits))
    spare_s = (state.time_left_s - state.verification_s) / visits_left - state.settle_s(held.users, think=held.think)
    span = hold_span(state, held)
    least_s = span.expected_s(state.round_s(held.users, think=held.think))[0]
    return (
        yield from state.visit(
            Phase.HOLD,
            held.users,
            span,
            think=held.think,
            fresh=True,
            half_width=half_width,
            most_s=max(LATE * least_s, span.max_s, spare_s),
        )
    )


def hold_span(state: SearchState, held: Hold) -> Span:
    """The window of a hold visit: worth its settling time, and if the target is slow, worth its answers."""
    span = state.settings.effort.hold
    rounds = max(span.max_rounds, HOLD_ANSWERS / held.users)
    if not (held.think and state.think_s):
        return dataclasses.replace(span, max_rounds=rounds)
    most_s = max(span.max_s, WORTH_SETTLING * state.settle_s(held.users, think=True))
    return dataclasses.replace(span, max_s=most_s, min_rounds=0.0, max_rounds=0.0)


def _visit_base(state: SearchState) -> Generator[Order, Visit, None]:
    """Visit half the knee, or one user if it turns out that several are in each other's way there."""
    bases = [v for v in state.visits if v.phase is Phase.BASE]
    users = 1 if len(uncontended(bases)) < len(bases) else max(1, int(state.knee_inflight / 2))
    # N* = C (R0 + Z): the longer users think, the less R0 matters.
    half_width = BASE_HALF_WIDTH * (state.r0_s + state.think_s) / state.r0_s
    visit = yield from state.visit(Phase.BASE, users, state.settings.effort.base, think=False, half_width=half_width)
    if visit.r_mean_ms is not None and visit in uncontended([*bases, visit]):
        state.r0_s = min(state.r0_s, visit.r_mean_ms / 1000)
