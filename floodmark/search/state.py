"""What a search has learnt so far, and the visits it makes from it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from floodmark.search.order import Order, SearchEnded
from floodmark.search.settings import SearchSettings
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.enums import Generator as GeneratorWord
from floodmark.verdict.visit import Visit

SETTLE_CAP_S = 8.0
DEAD_SHARE = 0.5
WORTH_SETTLING = 2.0
"""A visit to the held level lasts at least so many times as long as it took to settle."""


@dataclass(slots=True)
class SearchState:
    """State of one search: estimates, and every visit so far."""

    settings: SearchSettings
    r0_s: float = 0.05
    ceiling_rps: float = 0.0
    elapsed_s: float = 0.0
    visits: list[Visit] = field(default_factory=list)
    plan_s: float = 0.0

    @property
    def think_s(self) -> float:
        return self.settings.think_time_s

    @property
    def knee_inflight(self) -> float:
        """n* = C R0: requests in flight where the asymptotes cross."""
        return self.ceiling_rps * self.r0_s

    @property
    def knee_users(self) -> float:
        """N* = C (R0 + Z)."""
        return self.ceiling_rps * (self.r0_s + self.think_s)

    @property
    def time_left_s(self) -> float:
        return self.settings.time_budget_s - self.elapsed_s

    @property
    def verification_s(self) -> float:
        """Time kept back for verification and recovery, settling included; a rise or a fall is looked at again."""
        effort = self.settings.effort
        settling_s = self.settle_s(self.users_for(4), think=True) + 2 * effort.settle_min_s
        return effort.verify_s + effort.recovery_s + settling_s

    def hold_s(self, users: int) -> float:
        """Length of a visit to the held level: users who think take long to settle, and are then watched longer, as
        far as there is time for the least number of visits.
        """
        effort = self.settings.effort
        spare_s = (self.time_left_s - self.verification_s) / effort.holds_min - self._between_holds_s(users)
        return max(effort.hold_s, min(WORTH_SETTLING * self.settle_s(users, think=True), spare_s))

    def round_s(self, users: int) -> float:
        """Time one base visit and one hold visit take, settling included."""
        return self._between_holds_s(users) + self.hold_s(users)

    def _between_holds_s(self, users: int) -> float:
        effort = self.settings.effort
        settling = self.settle_s(1, think=False) + self.settle_s(users, think=True) + effort.settle_min_s
        return (effort.rebase_s + effort.rebase_max_s) / 2 + settling

    def users_for(self, factor: float) -> int:
        """``factor`` times the knee, at least one user and at most the allowed maximum."""
        return max(1, min(self.settings.max_users, round(factor * self.knee_users)))

    def settle_s(self, users: int, *, think: bool) -> float:
        """Two cycles at this level, within bounds: everything in flight from before has left by then."""
        z = self.think_s if think else 0.0
        r = max(self.r0_s, users / self.ceiling_rps - z) if self.ceiling_rps else self.r0_s
        return min(SETTLE_CAP_S, max(self.settings.effort.settle_min_s, 2 * (r + z)))

    def visit(
        self,
        phase: Phase,
        users: int,
        seconds: float,
        *,
        think: bool,
        min_s: float | None = None,
        half_width: float = 0.0,
        fresh: bool = False,
        may_fail: bool = False,
        settle_s: float | None = None,
        rate_rps: float | None = None,
        slo_ms: float | None = None,
    ) -> Generator[Order, Visit, Visit]:
        """Order one visit, remember what it saw, and end the search if it can go no further. Fields as in Order.

        Raises SearchEnded when the generator limits, or when most answers are errors and ``may_fail`` is not
        set.
        """
        settle = self.settle_s(users, think=think) if settle_s is None else settle_s
        visit = yield Order(
            phase=phase,
            users=users,
            think=think,
            settle_s=settle,
            min_s=seconds if min_s is None else min_s,
            max_s=seconds,
            half_width=half_width,
            fresh=fresh,
            left_s=max(settle + seconds, self.plan_s),
            rate_rps=rate_rps,
            slo_ms=slo_ms,
        )
        self.visits.append(visit)
        self.plan_s = max(0.0, self.plan_s - (visit.t_end_s - self.elapsed_s))
        self.elapsed_s = visit.t_end_s
        # A target that fails at once keeps any generator busy: that nothing is good is the answer.
        if not may_fail and visit.errors and not visit.good:
            raise self._ended_by_errors(visit)
        # Arrivals that found no connection are the target's doing: it holds them all.
        if visit.gen_verdict is GeneratorWord.LIMITED and not visit.not_sent:
            raise SearchEnded(End.GENERATOR_LIMITED, visit.reason or "the generator was the limit")
        if not may_fail and _dead(visit):
            raise self._ended_by_errors(visit)
        return visit

    def _ended_by_errors(self, visit: Visit) -> SearchEnded:
        answered_before = any(s.good for s in self.visits[:-1])
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
        seen = kinds or f"no answer in {visit.seconds:.0f} s"
        if answered_before:
            return SearchEnded(End.DIED, f"at {visit.users} users: {seen}")
        return SearchEnded(End.ALL_ERRORS, seen)


def _dead(visit: Visit) -> bool:
    """No good answer, or most attempts failed on the way: error answers beside good ones are overload, not death."""
    lost = visit.error_refused + visit.error_reset + visit.error_timeout
    return visit.good == 0 or lost > DEAD_SHARE * (visit.good + visit.errors)
