"""The whole search for the ceiling: bracket, place, hold, verify."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Sequence

from floodmark.search.bracket import base, bracket, falls, first_contact, place, plateau, warm_up
from floodmark.search.edge import edges, narrow_errors
from floodmark.search.hold import Hold, hold
from floodmark.search.near_knee import near_knee
from floodmark.search.order import Order, Search, SearchEnded
from floodmark.search.plan import estimate_s
from floodmark.search.recheck import recheck
from floodmark.search.settings import SearchSettings
from floodmark.search.slo import find_slo_rate
from floodmark.search.state import SearchState
from floodmark.search.verify import recover, verify
from floodmark.verdict.chance import above, chance_rps
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.overload import TOLERATED, failing, with_think
from floodmark.verdict.shedding import sheds
from floodmark.verdict.visit import Visit

EVEN_DOUBLINGS = 2
HOLDS_LEAST = 2
"""Fewer valid visits show nothing of how much visits differ."""
NO_LESS = 0.98
AGREES = 0.05
"""Users who think reach the same goodput as users who do not, within this share."""
MORE_BY_SHEDDING, STILL_RISING = 1.05, 1.01
MOSTLY_FULL = 1.4
"""A level below this multiple of the knee was chosen because goodput falls above it."""


def find_ceiling(settings: SearchSettings) -> Search:
    """Search for the ceiling of a target in the closed model.

    Yields orders, is sent a Visit for each, and returns how it ended. Deterministic: the same visits give the same
    orders.
    """
    if settings.known_users is not None:
        return (yield from recheck(settings, settings.known_users))
    state = SearchState(settings)
    state.plan_s = estimate_s(state)
    try:
        yield from first_contact(state)
        state.plan_s = estimate_s(state)
        yield from warm_up(state)
        yield from base(state)
        yield from bracket(state)
        level, think = yield from _choose_level(state)
        outcome = yield from _confirm(state, level, think=think)
    except SearchEnded as ended:
        return _explained(state, ended.outcome)
    if settings.slo is not None and outcome.end is End.FOUND:
        yield from find_slo_rate(state, settings.slo)
    return outcome


def _explained(state: SearchState, outcome: Outcome) -> Outcome:
    """Say so if the time budget of the settings is too short for a target this slow."""
    needed_s = state.stretched_s
    if outcome.end is not End.TIMED_OUT or state.settings.stretches or needed_s <= state.settings.time_budget_s:
        return outcome
    about_s = 10 * math.ceil(needed_s / 10)
    advice = f"a target this slow takes about {about_s} s: leave out [search] time_budget_s"
    return dataclasses.replace(outcome, reason=f"{outcome.reason}; {advice}")


def _choose_level(state: SearchState) -> Generator[Order, Visit, tuple[int, bool]]:
    """The level to hold, and whether its users take their think time.

    The ceiling of a server does not depend on how long users think, but users who do not think show it sooner. So their
    think time is left out, unless goodput falls with the number in flight, or a visit with think time disagrees: then
    the number of connections or of requests in flight matters, and both depend on think time.
    """
    if not state.think_s:
        level = yield from place(state, think=False)
        return (yield from _without_errors(state, level, think=False)), False
    if not falls(state.visits):
        level = yield from place(state, think=False)
        if level >= state.users_for(MOSTLY_FULL, think=False) and (yield from _thinkers_agree(state, level)):
            return level, False
    level = yield from place(state, think=True)
    return (yield from _without_errors(state, level, think=True)), True


def _thinkers_agree(state: SearchState, level: int) -> Generator[Order, Visit, bool]:
    """Whether users with think time reach the goodput that users without it have, with no more errors."""
    saturated = [v for v in with_think(state.visits, 0.0) if v.users >= level]
    state.ceiling_rps = plateau(saturated)
    users = state.users_for(2.0, think=True)
    visit = yield from state.visit(Phase.PLACE, users, state.settings.effort.place, think=True, fresh=True)
    if any(failing(v) for v in [visit, *(v for v in saturated if v.users == level)]):
        return False
    chance = math.hypot(chance_rps(visit), *(chance_rps(v) / len(saturated) for v in saturated)) / state.ceiling_rps
    return abs(visit.goodput_rps / state.ceiling_rps - 1) <= max(AGREES, chance)


def _without_errors(state: SearchState, level: int, *, think: bool) -> Generator[Order, Visit, int]:
    """``level``, or if it has more than 1 % errors, the highest level below their onset.

    A target that refuses at once what it cannot serve may give more good answers beyond the onset than at any level
    below it, a rate limiter for instance. Then the level is where that stops rising.
    """
    think_s = state.think_s if think else 0.0
    if not any(failing(v) for v in with_think(state.visits, think_s) if v.users == level):
        return level
    yield from narrow_errors(state, think=think)
    comparable = with_think(state.visits, think_s)
    onset = min(v.users for v in comparable if failing(v))
    below = [v for v in comparable if v.users < onset]
    shedding = [v for v in comparable if sheds(v, state.r0_s)]
    if shedding and _more(max(shedding, key=_goodput), below):
        beyond = yield from _climb(state, onset, think=think)
        if _more(beyond, below):
            return beyond.users
    return max((v.users for v in below if not _errors_at(below, v.users)), default=min(v.users for v in comparable))


def _more(beyond: Visit, below: Sequence[Visit]) -> bool:
    """Whether a visit with errors has clearly more goodput than all visits without."""
    return not below or above(beyond, max(below, key=_goodput), MORE_BY_SHEDDING)


def _errors_at(visits: Sequence[Visit], users: int) -> bool:
    """Whether more than 1 % of the answers at this level are errors, significantly or not."""
    at = [v for v in visits if v.users == users]
    return sum(v.errors for v in at) > TOLERATED * sum(v.errors + v.good for v in at)


def _climb(state: SearchState, users: int, *, think: bool) -> Generator[Order, Visit, Visit]:
    """Double the users while good answers rise although others are refused. Returns the visit that had the most."""
    seen: list[Visit] = []
    while True:
        seen.append(
            (
                yield from state.visit(
                    Phase.PLACE, users, state.settings.effort.place, think=think, fresh=True, may_fail=True
                )
            )
        )
        best = max(seen, key=_goodput)
        no_more = len(seen) > 2 and all(v.goodput_rps <= STILL_RISING * seen[-3].goodput_rps for v in seen[-2:])
        most = state.most_users(think=think)
        if no_more or users >= most:
            return best
        users = min(2 * users, most)


def _goodput(visit: Visit) -> float:
    return visit.goodput_rps


def _confirm(state: SearchState, level: int, *, think: bool) -> Generator[Order, Visit, Outcome]:
    held = yield from _hold_evenly(state, level, think=think)
    yield from near_knee(state)
    while True:
        higher = yield from verify(state, held)
        if higher is None:
            break
        round_s = state.visit_s(state.settings.effort.hold, higher, think=True)
        if state.time_left_s < state.settings.effort.holds_min * round_s + state.verification_s:
            raise SearchEnded(End.TIMED_OUT, f"goodput still rose at {higher} users when time ran out", held.users)
        # Only new visits count, because the one that led here was selected for being high.
        held = yield from _hold_evenly(state, higher, think=True)
    yield from recover(state)
    if len(held.visits) < HOLDS_LEAST:
        raise SearchEnded(End.TIMED_OUT, f"only {len(held.visits)} valid visits to {held.users} users", held.users)
    yield from edges(state)
    return _outcome(state, held)


def _hold_evenly(state: SearchState, level: int, *, think: bool) -> Generator[Order, Visit, Hold]:
    """Hold ``level``, or a multiple of it if visits there agree better without losing goodput."""
    held = Hold(level, think)
    for _ in range(EVEN_DOUBLINGS):
        double = min(2 * held.users, state.most_users(think=think))
        if any(failing(v) for v in with_think(state.visits, state.think_s if think else 0.0) if v.users <= double):
            double = held.users
        yield from hold(state, held, leave_uneven=double > held.users)
        round_s = state.visit_s(state.settings.effort.hold, double, think=think)
        enough = state.verification_s + state.settings.effort.holds_min * round_s
        if not held.uneven or double <= held.users or state.time_left_s < enough:
            break
        lower, held = held, Hold(double, think)
        yield from hold(state, held, leave_uneven=True)
        if held.ceiling.value < NO_LESS * lower.ceiling.value:
            held = lower
            break
    yield from hold(state, held, leave_uneven=False)
    return held


def _outcome(state: SearchState, held: Hold) -> Outcome:
    if held.users >= state.most_users(think=held.think) < state.settings.max_users and not state.think_s:
        reason = f"more users would wait longer than the time-out of {state.timeout_s:g} s: raise load.timeout_s"
        return Outcome(end=End.MAX_USERS, reason=reason, hold_users=held.users)
    if held.users >= state.settings.max_users:
        return Outcome(end=End.MAX_USERS, reason="no level above the held one was allowed", hold_users=held.users)
    return Outcome(end=End.FOUND, reason="", hold_users=held.users)
