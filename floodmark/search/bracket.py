"""The phases warm-up, base, bracket and place, which find a level to hold."""

from __future__ import annotations

from collections.abc import Generator

from floodmark.search.chance import above
from floodmark.search.order import Order, SearchEnded
from floodmark.search.state import SearchState
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.overload import COLLAPSED, as_held, failing
from floodmark.verdict.visit import Visit

Part = Generator[Order, Visit, None]

WARM_AGREE = 0.02
SATURATED, SATURATED_AGAIN = 0.60, 0.65
HINT_CAP = 32
RISING = 1.03
FALLING = 0.97
NEAR_BEST = 0.985
UNEVENLY = 0.9
PLACE_HALF_WIDTH = 0.03
AROUND = (1.0, 1.15, 1.3)
"""Where a falling curve is visited again, as multiples of the knee: its peak lies a little above the knee."""


def warm_up(state: SearchState) -> Part:
    """Load the target at about twice the expected slots until two successive windows agree within 2 %.

    No rule inside a later visit can correct for a slow warm-up. Raises SearchEnded(NOT_STEADY) if no two windows agree
    in time.
    """
    effort = state.settings.effort
    users = min(state.settings.max_users, 2 * min(state.settings.slots_hint or 8, HINT_CAP))
    before: Visit | None = None
    while state.elapsed_s < effort.warm_max_s:
        visit = yield from state.visit(Phase.WARM, users, effort.warm_s, think=False)
        if before is not None and _agree(before, visit):
            return
        before = visit
    raise SearchEnded(End.NOT_STEADY, f"goodput still changed by more than 2 % after {state.elapsed_s:.0f} s")


def _agree(before: Visit, now: Visit) -> bool:
    """Whether two windows agree within 2 %, or within chance if they have few answers."""
    if not before.goodput_rps:
        return False
    tolerance = max(WARM_AGREE, min(0.1, before.half_width), 2 / now.good if now.good else 1.0)
    return abs(now.goodput_rps - before.goodput_rps) <= tolerance * before.goodput_rps


def base(state: SearchState) -> Part:
    """Measure R0, the uncontended response time, with one user and no think time."""
    visit = yield from state.visit(Phase.BASE, 1, state.settings.effort.base_s, think=False)
    _take_r0(state, visit)


def _take_r0(state: SearchState, visit: Visit) -> None:
    if visit.r_mean_ms is not None:
        state.r0_s = visit.r_mean_ms / 1000


def bracket(state: SearchState) -> Part:
    """Double the users, without think time, until the efficiency E(n) = X R0 / n shows that the slots are full.

    E is 1 while every user is served at once, and falls below 0.6 only past the knee, so there is no need to find a
    plateau of equal, noisy levels. It must be low twice, so that one bad visit does not end the bracket.
    """
    effort = state.settings.effort
    users, saturated = 2, 0
    if state.settings.max_users < 2:
        raise SearchEnded(End.MAX_USERS, "a search needs at least 2 users; [search] max_users is 1")
    while True:
        visit = yield from state.visit(
            Phase.BRACKET,
            users,
            effort.bracket_max_s,
            think=False,
            min_s=effort.bracket_min_s,
            half_width=0.05,
        )
        state.ceiling_rps = max(state.ceiling_rps, visit.goodput_rps)
        if not visit.errors and visit.goodput_rps:
            state.r0_s = min(state.r0_s, users / visit.goodput_rps)
        efficiency = visit.goodput_rps * state.r0_s / users
        if efficiency <= (SATURATED_AGAIN if saturated else SATURATED):
            saturated += 1
            if saturated == 2 or failing(visit):  # errors confirm saturation as well as a second visit
                return
            continue
        saturated = 0
        if users >= state.settings.max_users:
            raise SearchEnded(
                End.MAX_USERS,
                f"every one of {users} users is still served at {efficiency:.0%} of its uncontended speed",
                hold_users=users,
            )
        users = min(2 * users, state.settings.max_users)


def place(state: SearchState) -> Generator[Order, Visit, int]:
    """Visit 1.5, 2 and 4 times the knee with think time, and return the level to hold.

    The level doubles while goodput rises, because kept connections can be spread over the workers so unevenly that
    slots idle at twice their number. A falling curve is visited again further down, and the lowest level near its
    maximum is held. Only differences beyond chance count as a rise or a fall.
    """
    effort = state.settings.effort
    curve: dict[int, Visit] = {}

    def visit_level(users: int) -> Part:
        # A level beyond the onset of errors will not be held, so a short visit is enough.
        past = any(failing(v) for v in as_held(state.visits, state.think_s) if v.users <= users)
        visit = yield from state.visit(
            Phase.PLACE,
            users,
            effort.edge_s if past else effort.place_s,
            think=True,
            fresh=True,
            may_fail=bool(curve),
            min_s=effort.edge_s if past else effort.place_min_s,
            half_width=PLACE_HALF_WIDTH,
        )
        curve[users] = max(visit, curve.get(users, visit), key=_goodput)

    knee = state.knee_users
    low, level = state.users_for(1.5), state.users_for(2.0)
    yield from visit_level(low)
    if level != low:
        yield from visit_level(level)
    while True:
        double = min(2 * level, state.settings.max_users)
        if double == level or state.time_left_s < 6 * effort.hold_s:
            break
        yield from visit_level(double)
        rising = above(curve[double], curve[level], RISING)
        # Without think time, 1.5 N* users fill every slot unless connections are spread unevenly; then hold higher.
        rate = curve[level].goodput_rps
        uneven = (
            not state.think_s
            and curve[low].goodput_rps < UNEVENLY * rate
            and curve[double].goodput_rps > FALLING * rate
        )
        if rising or uneven:
            level = double
        if not rising:
            break
    best = max(curve.values(), key=_goodput)
    falling = above(best, curve[level], 1 / FALLING)
    if not falling and double in curve and _collapsed(curve[double], curve[level]):
        # A single slow visit does not prove a falling curve: visit it again.
        yield from visit_level(double)
        falling = _collapsed(curve[double], curve[level])
    if not falling:
        return best.users if best.users > level and above(best, curve[level], 1 / NEAR_BEST) else level
    near = sorted({max(1, round(factor * knee)) for factor in AROUND})
    for users in near * 2:
        yield from visit_level(users)
    most = max(map(_goodput, curve.values()))
    return min(users for users, visit in curve.items() if visit.goodput_rps >= NEAR_BEST * most)


def _goodput(visit: Visit) -> float:
    return visit.goodput_rps


def _collapsed(visit: Visit, level: Visit) -> bool:
    return visit.goodput_rps < COLLAPSED * level.goodput_rps
