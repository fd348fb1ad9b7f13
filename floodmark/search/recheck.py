"""Rechecks the level that an earlier search held, on a freshly started server."""

from __future__ import annotations

import dataclasses
import math

from floodmark.search.bracket import base, first_contact, warm_up
from floodmark.search.hold import Hold, hold
from floodmark.search.order import Search, SearchEnded
from floodmark.search.settings import SearchSettings
from floodmark.search.state import SearchState
from floodmark.verdict.enums import End
from floodmark.verdict.outcome import Outcome

VISITS = 2
TIME_BUDGET_S = 90.0


def recheck(settings: SearchSettings, users: int) -> Search:
    """Warm up, measure R0, then alternate base and hold visits. The earlier search placed and verified the level."""
    effort = dataclasses.replace(settings.effort, holds_min=VISITS, holds_max=VISITS)
    budget_s = max(TIME_BUDGET_S, settings.time_budget_s)
    state = SearchState(dataclasses.replace(settings, effort=effort, time_budget_s=budget_s))
    round_s = effort.base.max_s + effort.hold.max_s + 2 * effort.settle_min_s
    state.plan_s = 2 * effort.warm.max_s + effort.base.max_s + VISITS * round_s
    held = Hold(min(users, settings.max_users), think=settings.think_time_s > 0 and settings.known_think)
    try:
        yield from first_contact(state)
        yield from warm_up(state)
        state.ceiling_rps = state.visits[-1].goodput_rps
        yield from base(state)
        yield from hold(state, held, leave_uneven=False)
    except SearchEnded as ended:
        return ended.outcome
    if not math.isfinite(held.ceiling.hi):
        return Outcome(
            end=End.TIMED_OUT, reason="each visit saw too few answers for an interval", hold_users=held.users
        )
    return Outcome(end=End.HELD, reason="", hold_users=held.users)
