"""The whole search for the ceiling: bracket, hold, verify."""

from __future__ import annotations

import math
from collections.abc import Generator

from floodmark.search.bracket import base, bracket, place, warm_up
from floodmark.search.drift import changed
from floodmark.search.edge import edges, narrow_errors
from floodmark.search.hold import Hold, hold
from floodmark.search.order import Order, Search, SearchEnded
from floodmark.search.recheck import recheck
from floodmark.search.settings import SearchSettings
from floodmark.search.slo import find_slo_rate
from floodmark.search.state import WORTH_SETTLING, SearchState
from floodmark.search.verify import recover, verify
from floodmark.verdict.enums import End
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.overload import USED, as_held, failing
from floodmark.verdict.visit import Visit

EVEN_DOUBLINGS = 2
NO_LESS = 0.98
VAGUE = 0.5
"""Relative half-width of the interval beyond which nothing is confirmed."""


def find_ceiling(settings: SearchSettings) -> Search:
    """Search for the ceiling of a target in the closed model.

    Yields orders, is sent a Visit for each, and returns how it ended. Deterministic: the same visits give the same
    orders.
    """
    if settings.known_users is not None:
        return (yield from recheck(settings, settings.known_users))
    state = SearchState(settings)
    state.plan_s = _estimate_s(settings)
    try:
        yield from warm_up(state)
        yield from base(state)
        yield from bracket(state)
        level = yield from place(state)
        level = yield from _without_errors(state, level)
        outcome = yield from _confirm(state, level)
    except SearchEnded as ended:
        return ended.outcome
    if settings.slo is not None and outcome.end is End.FOUND:
        yield from find_slo_rate(state, settings.slo)
    return outcome


def _confirm(state: SearchState, level: int) -> Generator[Order, Visit, Outcome]:
    held = yield from _hold_evenly(state, level)
    while True:
        higher = yield from verify(state, held)
        if higher is None:
            break
        if state.time_left_s < state.settings.effort.holds_min * state.round_s(higher) + state.verification_s:
            raise SearchEnded(End.TIMED_OUT, f"goodput still rose at {higher} users when time ran out", held.users)
        # Only new visits count, because the one that led here was selected for being high.
        held = yield from _hold_evenly(state, higher)
    yield from recover(state)
    if not math.isfinite(held.ceiling.hi):
        raise SearchEnded(End.TIMED_OUT, "each visit saw too few answers for an interval", held.users)
    if len(held.visits) < state.settings.effort.holds_min or held.ceiling.half_width > VAGUE:
        reason = f"{len(held.visits)} visits know it to ±{held.ceiling.half_width:.0%}"
        raise SearchEnded(End.TIMED_OUT, reason, held.users)
    share = changed(state.visits, held.users)
    if share is not None:
        raise SearchEnded(End.NOT_STEADY, _why_unsteady(share))
    yield from edges(state, held.users)
    return _outcome(state, held)


def _why_unsteady(share: float) -> str:
    if share < 0:
        return f"the target slowed by {-share:.0%} while searched: a leak, or throttling"
    return f"the target grew {share:.0%} faster while searched: it had not warmed up"


def _without_errors(state: SearchState, level: int) -> Generator[Order, Visit, int]:
    """``level``, or if it has more than 1 % errors, the highest level below the onset of errors."""
    if not any(failing(v) for v in as_held(state.visits, state.think_s) if v.users == level):
        return level
    yield from narrow_errors(state)
    comparable = as_held(state.visits, state.think_s)
    onset = min(v.users for v in comparable if failing(v))
    return max((v.users for v in comparable if v.users < onset), default=level)


def _hold_evenly(state: SearchState, level: int) -> Generator[Order, Visit, Hold]:
    """Hold ``level``, or a multiple of it if visits there agree better without losing goodput."""
    held = Hold(level)
    for _ in range(EVEN_DOUBLINGS):
        double = min(2 * held.users, state.settings.max_users)
        if any(failing(v) for v in state.visits if v.users <= double and v.phase in USED):
            double = held.users
        yield from hold(state, held, leave_uneven=double > held.users)
        enough = state.verification_s + state.settings.effort.holds_min * state.round_s(double)
        if not held.uneven or double == held.users or state.time_left_s < enough:
            break
        lower, held = held, Hold(double)
        yield from hold(state, held, leave_uneven=True)
        if held.ceiling.value < NO_LESS * lower.ceiling.value:
            held = lower
            break
    yield from hold(state, held, leave_uneven=False)
    return held


def _outcome(state: SearchState, held: Hold) -> Outcome:
    if held.users >= state.settings.max_users:
        return Outcome(end=End.MAX_USERS, reason="no level above the held one was allowed", hold_users=held.users)
    return Outcome(end=End.FOUND, reason="", hold_users=held.users)


def _estimate_s(settings: SearchSettings) -> float:
    """A first estimate of the duration of the whole search."""
    effort = settings.effort
    settle = effort.settle_min_s + 0.3 + 2 * settings.think_time_s
    slo_s = effort.trials_max * (effort.trial_s + 4) + 1.5 * effort.confirm_s if settings.slo is not None else 0.0
    visits = [
        *[effort.warm_s] * 2,
        effort.base_s,
        *[(effort.bracket_min_s + effort.bracket_max_s) / 2] * 5,
        *[effort.place_s] * 3,
        *[effort.rebase_s, max(effort.hold_s, WORTH_SETTLING * settle)] * effort.holds_min,
        effort.verify_s,
        effort.recovery_s,
    ]
    return min(settings.time_budget_s, sum(visits) + settle * len(visits)) + slo_s
