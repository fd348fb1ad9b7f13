"""The verify and recovery phases: is the held level the ceiling, and does the target recover from overload?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator, Sequence

from floodmark.search.hold import Hold
from floodmark.search.order import Order
from floodmark.search.state import SearchState
from floodmark.stats.intervals import t_quantile
from floodmark.verdict.enums import Phase
from floodmark.verdict.overload import COLLAPSED, failing
from floodmark.verdict.recovery import Before, recovered
from floodmark.verdict.visit import Visit

NOT_THE_CEILING = 1.05
BEYOND = 4.0
VERIFY_HALF_WIDTH = 0.02
RECOVERY_GOOD = 60
"""Good answers that a recovery visit should last for."""


def verify(state: SearchState, held: Hold) -> Generator[Order, Visit, int | None]:
    """Visit 4 N*, or twice the held level if that is more.

    Returns a higher level to hold if goodput still rises there, None if the ceiling is confirmed. An apparent rise or
    collapse is visited a second time, with the held level in between, so that a single visit on a noisy host does not
    decide.
    """
    effort = state.settings.effort
    users = min(state.settings.max_users, max(state.users_for(BEYOND), 2 * held.users))
    beyond: list[Visit] = []

    def visit_beyond() -> Generator[Order, Visit, bool]:
        """Whether a visit beyond shows neither a rise nor a collapse."""
        visit = yield from state.visit(
            Phase.VERIFY,
            users,
            effort.verify_s,
            think=True,
            fresh=True,
            may_fail=True,
            min_s=effort.verify_min_s,
            half_width=VERIFY_HALF_WIDTH,
        )
        beyond.append(visit)
        return users == held.users or COLLAPSED * held.ceiling.value <= visit.goodput_rps <= _no_rise(held)

    if (yield from visit_beyond()):
        return None
    between = yield from state.visit(Phase.HOLD, held.users, state.hold_s(held.users), think=True, fresh=True)
    held.visits.append(between)
    state.ceiling_rps = held.ceiling.value
    # Goodput that comes with errors does not count as a higher capacity.
    if (yield from visit_beyond()) or failing(state.visits[-1]):
        return None
    return users if _rises(beyond, between, held) else None


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
    chance = t_quantile(len(visits) - 1) * statistics.stdev(visits) / math.sqrt(len(rates))
    certain = held.ceiling.value + math.hypot(chance, held.ceiling.hi - held.ceiling.value)
    mean = statistics.fmean(rates)
    return min(rates) > _no_rise(held) and mean > max(certain, NOT_THE_CEILING * between.goodput_rps)


def recover(state: SearchState) -> Generator[Order, Visit, None]:
    """Drop to half the knee right after the overload, and visit it until the target has recovered or time is up."""
    effort = state.settings.effort
    users = state.users_for(0.5)
    before = Before.of(state.visits, state.ceiling_rps)
    rate = min(state.ceiling_rps, users / (state.r0_s + state.think_s)) or 1.0
    seconds = min(effort.recovery_s, max(1.0, RECOVERY_GOOD / rate))
    begun = state.elapsed_s
    while state.elapsed_s - begun < effort.recovery_max_s:
        visit = yield from state.visit(Phase.RECOVERY, users, seconds, think=True, may_fail=True, settle_s=0.0)
        if recovered(visit, before, state.think_s):
            return
