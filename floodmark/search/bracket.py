"""The phases contact, warm-up, base, bracket and place, which find a level to hold."""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator, Sequence

from floodmark.search.order import Order, SearchEnded
from floodmark.search.settings import Span
from floodmark.search.state import SearchState
from floodmark.verdict.chance import above
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.overload import COLLAPSED, failing, with_think
from floodmark.verdict.visit import Visit

Part = Generator[Order, Visit, None]

CONTACT = Span(0.5, 0.5, 2.0, 2.0)
CONTACT_MOST_S = 65.0
FIRST_TIMEOUT_S = 60.0
"""Before R0 is known."""
WARM_AGREE = 0.02
WARM_TIMEOUT_USED = 0.5
WARM_MAX_ROUNDS = 12
SATURATED, SATURATED_AGAIN = 0.60, 0.65
HINT_CAP = 32
SLOW_S = 1.5
"""Response time beyond which a visit is expensive."""
RISING = 1.03
FALLING = 0.97
NEAR_BEST = 0.985
UNEVENLY = 0.9
PLACE_HALF_WIDTH = 0.03
BASE_HALF_WIDTH = 0.03
AROUND = (1.0, 1.15, 1.3)
"""Where a falling curve is visited again, as multiples of the knee: its peak lies a little above the knee."""


def first_contact(state: SearchState) -> Part:
    """Measure with one user roughly how long an answer takes, because everything else depends on it.

    What earlier loads left in the target's queue is gone when it answers. Raises SearchEnded if it does not.
    """
    fixed_s = state.settings.timeout_s
    state.timeout_s = fixed_s if fixed_s is not None else FIRST_TIMEOUT_S
    while True:
        visit = yield from state.visit(
            Phase.WARM, 1, CONTACT, think=False, may_fail=True, settle_s=0.0, most_s=CONTACT_MOST_S
        )
        if visit.good and visit.r_mean_ms is not None:
            state.learn_r0(visit.r_mean_ms / 1000)
            return
        if visit.errors or state.elapsed_s >= CONTACT_MOST_S:
            raise SearchEnded(End.ALL_ERRORS, _no_contact(visit))


def _no_contact(visit: Visit) -> str:
    if not visit.errors:
        return f"no answer to one user in {visit.t_end_s:.0f} s"
    if visit.error_timeout == visit.errors:
        return f"one user got no answer within the time-out: {visit.errors} requests timed out"
    return f"{visit.errors} errors and no good answer to one user"


def warm_up(state: SearchState) -> Part:
    """Load the target at about twice the expected slots until two successive windows agree within 2 %.

    No rule inside a later visit can correct for a slow warm-up. A level with errors is halved. Raises
    SearchEnded(NOT_STEADY) if no two windows agree in time.
    """
    effort, hint = state.settings.effort, state.settings.slots_hint
    # The slots are not known for certain: a queue must not grow beyond the time-out.
    safe = int((hint or 1) * WARM_TIMEOUT_USED * state.timeout_s / state.r0_s)
    users = max(1, min(state.settings.max_users, 2 * min(hint or 8, HINT_CAP), safe))
    before: Visit | None = None
    deadline_s = state.elapsed_s + max(effort.warm_max_s, WARM_MAX_ROUNDS * users / (hint or 1) * state.r0_s)
    while state.elapsed_s < deadline_s:
        visit = yield from state.visit(Phase.WARM, users, effort.warm, think=False)
        if failing(visit) and users > 1:
            users, before = users // 2, None
            continue
        state.ceiling_rps = visit.goodput_rps
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
    visit = yield from state.visit(Phase.BASE, 1, state.settings.effort.base, think=False, half_width=BASE_HALF_WIDTH)
    if visit.r_mean_ms is not None:
        state.learn_r0(visit.r_mean_ms / 1000)


def bracket(state: SearchState) -> Part:
    """Double the users, without think time, until the efficiency E(n) = X R0 / n shows that the slots are full.

    E is 1 while every user is served at once, and falls below 0.6 only past the knee, so there is no need to find a
    plateau of equal, noisy levels. It must be low twice, so that one bad visit does not end the bracket. The warm-up
    has shown about where the knee is, so the first level lies just below it.
    """
    effort = state.settings.effort
    curve: list[Visit] = []
    saturated = 0
    if state.settings.max_users < 2:
        raise SearchEnded(End.MAX_USERS, "a search needs at least 2 users; [search] max_users is 1")
    users = min(state.settings.max_users, max(2, 2 ** int(math.log2(max(1.0, state.knee_inflight)))))
    state.ceiling_rps = 0.0
    while True:
        visit = yield from state.visit(
            Phase.BRACKET, users, effort.bracket, think=False, fresh=True, half_width=PLACE_HALF_WIDTH
        )
        curve.append(visit)
        state.ceiling_rps = plateau(curve)
        if not visit.errors and visit.goodput_rps:
            state.r0_s = min(state.r0_s, users / visit.goodput_rps)
        efficiency = visit.goodput_rps * state.r0_s / users
        if efficiency <= (SATURATED_AGAIN if saturated else SATURATED):
            saturated += 1
            # Errors confirm saturation as well as a second visit does, and where one takes long, the next phase does.
            if saturated == 2 or failing(visit) or state.round_s(users, think=False) > SLOW_S:
                return
        else:
            saturated = 0
        most = state.most_users(think=False) if saturated else state.settings.max_users
        if users >= most:
            if saturated:
                return
            raise SearchEnded(
                End.MAX_USERS,
                f"every one of {users} users is still served at {efficiency:.0%} of its uncontended speed",
                hold_users=users,
            )
        users = min(2 * users, most)


def plateau(visits: Sequence[Visit]) -> float:
    """Mean goodput of the visits that are as high as the highest, apart from chance.

    The highest alone would be too high: of several levels of equal goodput, it is the one that was lucky.
    """
    best = max(visits, key=_goodput)
    return statistics.fmean(v.goodput_rps for v in visits if not above(best, v, 1 / FALLING))


def place(state: SearchState, *, think: bool) -> Generator[Order, Visit, int]:
    """Visit 1.5, 2 and 4 times the knee, and return the level to hold.

    The level doubles while goodput rises, because kept connections can be spread over the workers so unevenly that
    slots idle at twice their number. A falling curve is visited again further down, and the level near the knee with
    the highest goodput is held. Only differences beyond chance count as a rise or a fall.
    """
    curve = Curve(state, think=think)
    if not think and falls(state.visits):
        return (yield from curve.peak())
    low, level = state.users_for(1.5, think=think), state.users_for(2.0, think=think)
    yield from curve.visit(low)
    if level != low:
        yield from curve.visit(level)
    while True:
        double = min(2 * level, state.most_users(think=think))
        hold_s = state.visit_s(state.settings.effort.hold, level, think=think)
        if double == level or state.time_left_s < 6 * hold_s:
            break
        yield from curve.visit(double)
        rising = above(curve.best(double), curve.best(level), RISING)
        if rising or curve.uneven(low, level, double):
            level = double
        if not rising:
            break
    best = curve.highest
    falling = above(best, curve.best(level), 1 / FALLING)
    if not falling and double in curve.seen and curve.collapsed(double, level):
        # A single slow visit does not prove a falling curve: visit it again.
        yield from curve.visit(double, again=True)
        falling = curve.collapsed(double, level)
    if falling:
        return (yield from curve.peak())
    return best.users if best.users > level and above(best, curve.best(level), 1 / NEAR_BEST) else level


class Curve:
    """The visits of ``place``, by level."""

    def __init__(self, state: SearchState, *, think: bool) -> None:
        self._state = state
        self._think = think
        self._think_s = state.think_s if think else 0.0
        self.seen: dict[int, list[Visit]] = {}

    def visit(self, users: int, *, again: bool = False) -> Part:
        """Visit a level. If the bracket visited it already, that visit counts, unless ``again`` is set."""
        state, effort = self._state, self._state.settings.effort
        alike = with_think(state.visits, self._think_s)
        known = [v for v in alike if v.users == users and v.phase is Phase.BRACKET]
        if known and not again:
            self.seen.setdefault(users, []).append(known[-1])
            return
        # A level beyond the onset of errors will not be held, so a short visit is enough.
        past = any(failing(v) for v in alike if v.users <= users)
        visit = yield from state.visit(
            Phase.PLACE,
            users,
            effort.edge if past else effort.place,
            think=self._think,
            fresh=True,
            may_fail=bool(self.seen),
            half_width=PLACE_HALF_WIDTH,
        )
        self.seen.setdefault(users, []).append(visit)

    def best(self, users: int) -> Visit:
        """The visit to a level with the highest goodput."""
        return max(self.seen[users], key=_goodput)

    @property
    def highest(self) -> Visit:
        """The visit with the highest goodput of all."""
        return max((self.best(users) for users in self.seen), key=_goodput)

    def uneven(self, low: int, level: int, double: int) -> bool:
        """Whether connections seem to be spread unevenly over the workers.

        Without think time, 1.5 N* users fill every slot otherwise.
        """
        rate = self.best(level).goodput_rps
        less, as_much = self.best(low).goodput_rps < UNEVENLY * rate, self.best(double).goodput_rps > FALLING * rate
        return not self._think_s and less and as_much

    def collapsed(self, users: int, level: int) -> bool:
        """Whether a level is clearly below another one."""
        return _mean_rps(self.seen[users]) < COLLAPSED * _mean_rps(self.seen[level])

    def peak(self) -> Generator[Order, Visit, int]:
        """The best level around the knee of a falling curve."""
        state = self._state
        knee = state.knee_users if self._think else state.knee_inflight
        near = sorted({max(1, round(factor * knee)) for factor in AROUND})
        for users in near * 2:
            yield from self.visit(users, again=True)
        # Below its peak the curve rises by 1 / n per user, and beyond it falls slowly: no level below it is as good.
        return max(near, key=lambda users: _mean_rps(self.seen[users]))


def falls(visits: Sequence[Visit]) -> bool:
    """Whether goodput already fell in the bracket while the number in flight rose."""
    brackets = [v for v in visits if v.phase is Phase.BRACKET]
    return above(max(brackets, key=_goodput), brackets[-1], 1 / COLLAPSED)


def _goodput(visit: Visit) -> float:
    return visit.goodput_rps


def _mean_rps(visits: Sequence[Visit]) -> float:
    return statistics.fmean(v.goodput_rps for v in visits)
