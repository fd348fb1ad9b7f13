"""Verify: is the held level the ceiling, what happens beyond it, and does the target come back?"""

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
"""Good answers that a look at the recovery should hold."""


def verify(state: SearchState, held: Hold) -> Generator[Order, Visit, int | None]:
    """Visit 4 N*, and at least twice the held level.

    Returns a higher level to hold when goodput still rises there, None when the ceiling is confirmed. What
    looks like a rise or a collapse is looked at twice, with the held level once more in between: one visit of
    a noisy host must not decide.
    """
    effort = state.settings.effort
    users = min(state.settings.max_users, max(state.users_for(BEYOND), 2 * held.users))
    beyond: list[Visit] = []

    def look() -> Generator[Order, Visit, bool]:
        """Whether this visit leaves the held level the ceiling."""
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

    if (yield from look()):
        return None
    between = yield from state.visit(Phase.HOLD, held.users, state.hold_s(held.users), think=True, fresh=True)
    held.visits.append(between)
    state.ceiling_rps = held.ceiling.value
    # A rise that comes with errors is no capacity.
    if (yield from look()) or failing(state.visits[-1]):
        return None
    return users if _rises(beyond, between, held) else None


def _no_rise(held: Hold) -> float:
    """The most goodput beyond that leaves the held level the ceiling: 5 % more, or the upper end of its interval."""
    return max(NOT_THE_CEILING * held.ceiling.value, held.ceiling.hi)


def _rises(beyond: Sequence[Visit], between: Visit, held: Hold) -> bool:
    """Whether each visit beyond gave more than leaves the held level the ceiling, all together more than visits differ
    by chance, and more than the held level gave between them: a host that has got faster is no rise.

    What is chance, the visits of the held level say: a window of a slow target has too few answers to tell by itself.
    """
    rates = [visit.goodput_rps for visit in beyond]
    visits = [visit.goodput_rps for visit in held.visits]
    chance = t_quantile(len(visits) - 1) * statistics.stdev(visits) / math.sqrt(len(rates))
    certain = held.ceiling.value + math.hypot(chance, held.ceiling.hi - held.ceiling.value)
    mean = statistics.fmean(rates)
    return min(rates) > _no_rise(held) and mean > max(certain, NOT_THE_CEILING * between.goodput_rps)


def recover(state: SearchState) -> Generator[Order, Visit, None]:
    """Fall back to half the knee straight after the overload, and look until the target is as before, or time is up."""
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
