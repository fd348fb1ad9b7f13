"""The verify and recovery phases: is the held level the ceiling, and does the target recover from overload?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator, Sequence

from floodmark.search.hold import Hold, hold_visit
from floodmark.search.order import Order
from floodmark.search.settings import Span
from floodmark.search.state import SearchState
from floodmark.stats.intervals import t_quantile
from floodmark.verdict.enums import Phase
from floodmark.verdict.overload import COLLAPSED, failing
from floodmark.verdict.recovery import Before, recovered
from floodmark.verdict.visit import Visit

NOT_THE_CEILING = 1.05
BEYOND = 4.0
SURE = 1.5
"""A rise that would start the search anew must exceed chance by this factor: 3 standard errors."""
VERIFY_HALF_WIDTH = 0.02
RECOVERY_GOOD = 60
"""Good answers that a recovery visit should last for."""
RECOVERY_ROUNDS = 8


def verify(state: SearchState, held: Hold) -> Generator[Order, Visit, int | None]:
    """Visit 4 N* with think time, or twice the held level if that is more.

    Returns a higher level to hold if goodput still rises there, None if the ceiling is confirmed. An apparent rise or
    collapse is visited a second time, with the held level in between, so that a single visit on a noisy host does not
    decide.
    """
    effort = state.settings.effort
    twice = 2 * held.users if held.think or not state.think_s else 0
    users = min(state.most_users(think=True), max(state.users_for(BEYOND, think=True), twice))
    higher = users > held.users or (state.think_s > 0 and not held.think)
    beyond: list[Visit] = []

    def visit_beyond(span: Span) -> Generator[Order, Visit, bool]:
        """Whether a visit beyond shows neither a rise nor a collapse."""
        visit = yield from state.visit(
            Phase.VERIFY, users, span, think=True, fresh=True, may_fail=True, half_width=VERIFY_HALF_WIDTH
        )
        beyond.append(visit)
        return not higher or COLLAPSED * held.ceiling.value <= visit.goodput_rps <= _no_rise(held)

    if (yield from visit_beyond(effort.verify)):
        return None
    between = yield from hold_visit(state, held, half_width=0.0)
    held.made.append(between)
    state.ceiling_rps = held.ceiling.value
    # Goodput that comes with errors does not count as a higher capacity.
    if (yield from visit_beyond(_twice(effort.verify))) or failing(state.visits[-1]):
        return None
    return users if _rises(beyond, between, held) else None


def _twice(span: Span) -> Span:
    """A window that decides is twice as long."""
    return Span(2 * span.min_s, 2 * span.max_s, span.min_rounds, 2 * span.max_rounds)


def _no_rise(held: Hold) -> float:
    """The highest goodput beyond that still confirms the held level: 5 % more, or the upper end of its interval."""
    return max(NOT_THE_CEILING * held.ceiling.value, held.ceiling.hi)


def _rises(beyond: Sequence[Visit], between: Visit, held: Hold) -> bool:
    """Whether goodput really rises beyond the held level.

    Each visit beyond must exceed what confirms the held level. Their mean must exceed it by more than chance, and must
    exceed the visit in between, because a host that got faster is not a rise. Chance is estimated from the spread of
    the hold visits, because a window of a slow target has too few answers to show it by itself.
    """
    rates = [visit.goodput_rps for visit in beyond]
    visits = [visit.goodput_rps for visit in held.visits]
    if len(visits) < 2:
        return False
    chance = t_quantile(len(visits) - 1) * statistics.stdev(visits) / math.sqrt(len(rates))
    certain = held.ceiling.value + SURE * math.hypot(chance, held.ceiling.hi - held.ceiling.value)
    mean = statistics.fmean(rates)
    return min(rates) > _no_rise(held) and mean > max(certain, NOT_THE_CEILING * between.goodput_rps)


def recover(state: SearchState) -> Generator[Order, Visit, None]:
    """Drop to half the knee right after the overload, and visit it until the target has recovered or time is up."""
    effort = state.settings.effort
    users = state.users_for(0.5, think=True)
    before = Before.of(state.visits, state.ceiling_rps)
    rate = min(state.ceiling_rps, users / (state.r0_s + state.think_s)) or 1.0
    seconds = min(effort.recovery_s, max(1.0, RECOVERY_GOOD / rate))
    span = Span(seconds, seconds, 1.0, 1.0)
    most_s = max(effort.recovery_max_s, RECOVERY_ROUNDS * state.round_s(users, think=True))
    begun = state.elapsed_s
    while state.elapsed_s - begun < most_s:
        visit = yield from state.visit(Phase.RECOVERY, users, span, think=True, may_fail=True, settle_s=0.0)
        if recovered(visit, before, state.think_s):
            return
