"""The state of a search: its estimates, its visits so far, and how it makes the next one."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from floodmark.search.order import Order, SearchEnded
from floodmark.search.settings import DEFAULT_TIMEOUT_S, SearchSettings, Span
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.enums import Generator as GeneratorWord
from floodmark.verdict.overload import failing
from floodmark.verdict.visit import Visit

Visiting = Generator[Order, Visit, Visit]

SETTLE_CAP_S = 30.0
SETTLE_ROUNDS, SETTLE_THINKING_ROUNDS = 1.25, 2.0
"""After one round, every request from before has left. Users who think take another round to spread out."""
DEAD_SHARE = 0.5
STRETCH_R0, STRETCH_THINK = 110.0, 12.0
"""A search may take so many R0 and think times, if that is more than its time budget."""
TIMEOUT_R0, TIMEOUT_MOST_S = 5.5, 120.0
"""At four times the knee, a response takes 4 R0."""
TIMEOUT_USED = 0.8
"""No level is visited on purpose whose responses would take a larger share of the time-out."""
LATE = 1.5
"""A window ends at the latest after this many times the time expected for it, or the time-out if that is longer."""
DRAIN_S, ALIVE_S = 60.0, 4.0
NOT_NEEDED = {Phase.OVERLOAD, Phase.RECOVERY}
"""Phases without which there is a verdict."""


@dataclass(slots=True)
class SearchState:
    """The estimates and visits of one search so far."""

    settings: SearchSettings
    r0_s: float = 0.05
    ceiling_rps: float = 0.0
    elapsed_s: float = 0.0
    visits: list[Visit] = field(default_factory=list)
    plan_s: float = 0.0
    timeout_s: float = DEFAULT_TIMEOUT_S
    abandoned: bool = False
    """Whether the target may still be serving requests that their users gave up."""

    @property
    def think_s(self) -> float:
        return self.settings.think_time_s

    @property
    def knee_inflight(self) -> float:
        """n* = C R0: requests in flight where the two asymptotes cross."""
        return self.ceiling_rps * self.r0_s

    @property
    def knee_users(self) -> float:
        """N* = C (R0 + Z)."""
        return self.ceiling_rps * (self.r0_s + self.think_s)

    @property
    def budget_s(self) -> float:
        """The time that the whole search may take."""
        budget_s = self.settings.time_budget_s
        return max(budget_s, self.stretched_s) if self.settings.stretches else budget_s

    @property
    def stretched_s(self) -> float:
        """The time that a search of a target this slow may need."""
        return STRETCH_R0 * self.r0_s + STRETCH_THINK * self.think_s

    @property
    def time_left_s(self) -> float:
        return self.budget_s - self.elapsed_s

    @property
    def verification_s(self) -> float:
        """Time reserved for verification and recovery, including settling."""
        effort = self.settings.effort
        beyond_s = self.visit_s(effort.verify, self.users_for(4, think=True), think=True)
        return beyond_s + effort.recovery_s + effort.settle_min_s

    def round_s(self, users: int, *, think: bool) -> float:
        """The expected time from one request of a user to the next."""
        z = self.think_s if think else 0.0
        return max(self.r0_s, users / self.ceiling_rps - z) + z if self.ceiling_rps else self.r0_s + z

    def settle_s(self, users: int, *, think: bool) -> float:
        """Time before a window, within bounds, in which the level settles."""
        rounds = SETTLE_THINKING_ROUNDS if think and self.think_s else SETTLE_ROUNDS
        wanted_s = rounds * self.round_s(users, think=think)
        return min(SETTLE_CAP_S, max(self.settings.effort.settle_min_s, wanted_s))

    def visit_s(self, span: Span, users: int, *, think: bool) -> float:
        """The expected time of a visit, including settling, if its window is as long as it may be."""
        return self.settle_s(users, think=think) + self._window_s(span, users, think=think)

    def _window_s(self, span: Span, users: int, *, think: bool) -> float:
        # Rounds are counted in response times: users who think give enough answers, and do so at all times.
        return span.expected_s(self.round_s(users, think=think) - (self.think_s if think else 0.0))[1]

    def users_for(self, factor: float, *, think: bool) -> int:
        """``factor`` times the knee, in users who take their think time or who do not, at least 1."""
        knee = self.knee_users if think else self.knee_inflight
        return max(1, min(self.most_users(think=think), round(factor * knee)))

    def most_users(self, *, think: bool) -> int:
        """The highest level to visit: ``max_users``, or less so that responses stay well below the time-out."""
        if not self.ceiling_rps:
            return self.settings.max_users
        z = self.think_s if think else 0.0
        return min(self.settings.max_users, max(1, int(self.ceiling_rps * (TIMEOUT_USED * self.timeout_s + z))))

    def learn_r0(self, r0_s: float) -> None:
        """Take a first R0. If it is long, so is the time-out, unless the settings fix it."""
        self.r0_s = r0_s
        fixed_s = self.settings.timeout_s
        longer_s = min(TIMEOUT_MOST_S, max(DEFAULT_TIMEOUT_S, TIMEOUT_R0 * r0_s))
        self.timeout_s = fixed_s if fixed_s is not None else longer_s

    def visit(
        self,
        phase: Phase,
        users: int,
        span: Span,
        *,
        think: bool,
        half_width: float = 0.0,
        answers: int | None = None,
        fresh: bool = False,
        may_fail: bool = False,
        settle_s: float | None = None,
        most_s: float | None = None,
    ) -> Visiting:
        """Visit a level in the closed model. The parameters are the fields of Order.

        A visit that the generator limited is made again, because one stall of the host proves nothing. Raises
        SearchEnded if it was the limit twice, or if the target is dead and ``may_fail`` is not set.
        """
        if self.abandoned and phase is not Phase.RECOVERY:
            yield from self._drain()
        expected_s = self._window_s(span, users, think=think)
        settle = self.settle_s(users, think=think) if settle_s is None else settle_s
        order = Order(
            phase=phase,
            users=users,
            think=think,
            settle_s=settle,
            span=span,
            most_s=LATE * max(expected_s, self.timeout_s) if most_s is None else most_s,
            half_width=half_width,
            answers=answers,
            fresh=fresh,
            left_s=max(settle + expected_s, self.plan_s),
            timeout_s=self.timeout_s,
            r0_s=self.r0_s,
        )
        visit = yield from self._carry_out(order)
        if _limited(visit):
            visit = yield from self._carry_out(order)
            if _limited(visit) and phase not in NOT_NEEDED:
                raise SearchEnded(End.GENERATOR_LIMITED, visit.reason or "the generator was the limit")
        if not may_fail and _dead(visit):
            yield from self._see_whether_alive(visit)
        return visit

    def offer(
        self, phase: Phase, rate_rps: float, users: int, seconds: float, *, settle_s: float, slo_ms: float | None
    ) -> Visiting:
        """Visit a rate in the open model. Raises SearchEnded if the generator was the limit."""
        order = Order(
            phase=phase,
            users=users,
            think=True,
            settle_s=settle_s,
            span=Span.fixed(seconds),
            most_s=seconds,
            left_s=max(settle_s + seconds, self.plan_s),
            timeout_s=self.timeout_s,
            rate_rps=rate_rps,
            slo_ms=slo_ms,
        )
        visit = yield from self._carry_out(order)
        # If arrivals found no connection, the target holds all of them, and the generator is not to blame.
        if visit.gen_verdict is GeneratorWord.LIMITED and not visit.not_sent:
            raise SearchEnded(End.GENERATOR_LIMITED, visit.reason or "the generator was the limit")
        return visit

    def _carry_out(self, order: Order) -> Visiting:
        visit = yield order
        self.visits.append(visit)
        self.plan_s = max(0.0, self.plan_s - (visit.t_end_s - self.elapsed_s))
        self.elapsed_s = visit.t_end_s
        self.abandoned = self.abandoned or visit.error_timeout > 0
        return visit

    def _probe(self, seconds: float) -> Visiting:
        """Wait for one answer to one user."""
        order = Order(
            phase=Phase.WARM,
            users=1,
            think=False,
            settle_s=0.0,
            span=Span(self.settings.effort.settle_min_s, 0.0, 1.0, 1.0),
            most_s=seconds,
            answers=1,
            left_s=max(seconds, self.plan_s),
            timeout_s=self.timeout_s,
            r0_s=self.r0_s,
        )
        return (yield from self._carry_out(order))

    def _drain(self) -> Generator[Order, Visit, None]:
        """Let the target work off what was given up: its queue is empty when it answers a new request.

        Raises SearchEnded if it does not.
        """
        visit = yield from self._probe(DRAIN_S + self.timeout_s)
        if not visit.good:
            raise SearchEnded(End.DIED, f"no answer to one user for {visit.seconds:.0f} s after {self._last_load()}")
        self.abandoned = False

    def _see_whether_alive(self, visit: Visit) -> Generator[Order, Visit, None]:
        """Raise SearchEnded unless the target still answers one user."""
        if self.abandoned:
            yield from self._drain()
            return
        alone = visit if visit.users == 1 else (yield from self._probe(max(ALIVE_S, 2 * self.r0_s)))
        if not alone.good:
            raise self._ended_by_errors(visit)

    def _last_load(self) -> str:
        loads = [v.users for v in self.visits if v.users > 1]
        return f"{loads[-1]} users" if loads else "that"

    def _ended_by_errors(self, visit: Visit) -> SearchEnded:
        answered_before = any(v.good for v in self.visits if v is not visit)
        kinds = ", ".join(
            f"{count} {name}"
            for name, count in (
                ("refused", visit.error_refused),
                ("reset", visit.error_reset),
                ("timed out", visit.error_timeout),
                ("bad status", visit.error_http),
                ("wrong body", visit.error_body),
            )
            if count
        )
        errors = kinds or f"no answer in {visit.seconds:.0f} s"
        if answered_before:
            return SearchEnded(End.DIED, f"at {visit.users} users: {errors}")
        return SearchEnded(End.ALL_ERRORS, errors)


def _limited(visit: Visit) -> bool:
    """Whether the generator was the limit. Errors say something about the target, whatever the generator did."""
    return visit.gen_verdict is GeneratorWord.LIMITED and not failing(visit)


def _dead(visit: Visit) -> bool:
    """No good answer, or most attempts got no answer at all. Error answers next to good ones are mere overload."""
    lost = visit.error_refused + visit.error_reset + visit.error_timeout
    return visit.good == 0 or lost > DEAD_SHARE * (visit.good + visit.errors)
