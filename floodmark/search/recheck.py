"""Hold again: a short visit at the level that an earlier search found, on a server started anew."""

from __future__ import annotations

import dataclasses
import math

from floodmark.search.bracket import base, warm_up
from floodmark.search.hold import Hold, hold
from floodmark.search.order import Outcome, Search, SearchEnded
from floodmark.search.settings import SearchSettings
from floodmark.search.state import Notes
from floodmark.verdict.enums import End

VISITS = 2
TIME_BUDGET_S = 90.0


def hold_again(settings: SearchSettings, users: int) -> Search:
    """Warm up, R0, then base and hold visits in turn. Nothing is placed or verified: the earlier search did that."""
    pace = dataclasses.replace(settings.pace, holds_min=VISITS, holds_max=VISITS)
    budget_s = max(TIME_BUDGET_S, settings.time_budget_s)
    notes = Notes(dataclasses.replace(settings, pace=pace, time_budget_s=budget_s))
    notes.plan_s = 2 * pace.warm_s + pace.base_s + VISITS * (pace.rebase_max_s + pace.hold_s + 2 * pace.settle_min_s)
    held = Hold(min(users, settings.max_users))
    try:
        yield from warm_up(notes)
        notes.ceiling_rps = notes.visits[-1].goodput_rps
        yield from base(notes)
        yield from hold(notes, held, leave_uneven=False)
    except SearchEnded as ended:
        return ended.outcome
    if not math.isfinite(held.ceiling.hi):
        return Outcome(
            end=End.TIMED_OUT, reason="each visit saw too few answers for an interval", hold_users=held.users
        )
    return Outcome(end=End.HELD, reason="", hold_users=held.users)
