"""The state of a search: its estimates, its visits so far, and how it makes the next one."""

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
"""A visit to the held level should last at least this many times its settling time."""


@dataclass(slots=True)
class SearchState:
    """The estimates and visits of one search so far."""

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
        """n* = C R0: requests in flight where the two asymptotes cross."""
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
        """Time reserved for verification and recovery, including settling."""
        effort = self.settings.effort
        settling_s = self.settle_s(self.users_for(4), think=True) + 2 * effort.settle_min_s
        return effort.verify_s + effort.recovery_s + settling_s

    def hold_s(self, users: int) -> float:
        """Length of a visit to the held level.

        Users who think take long to settle and are measured longer, as far as time allows the least number of visits.
        """
        effort = self.settings.effort
        spare_s = (self.time_left_s - self.verification_s) / effort.holds_min - self._between_holds_s(users)
        return max(effort.hold_s, min(WORTH_SETTLING * self.settle_s(users, think=True), spare_s))

    def round_s(self, users: int) -> float:
        """Duration of a base visit and a hold visit, including settling."""
        return self._between_holds_s(users) + self.hold_s(users)

    def _between_holds_s(self, users: int) -> float:
        effort = self.settings.effort
        settling = self.settle_s(1, think=False) + self.settle_s(users, think=True) + effort.settle_min_s
        return (effort.rebase_s + effort.rebase_max_s) / 2 + settling

    def users_for(self, factor: float) -> int:
        """``factor`` times the knee in users, between 1 and ``max_users``."""
        return max(1, min(self.settings.max_users, round(factor * self.knee_users)))

    def settle_s(self, users: int, *, think: bool) -> float:
        """Two cycles at this level, within bounds. By then every request from before has left."""
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
        """Order a visit and record it. The parameters are the fields of Order.

        Raises SearchEnded if the generator was the limit, or if most answers are errors and ``may_fail`` is not set.
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
        # A target that fails fast keeps any generator busy, so check for errors before the generator.
        if not may_fail and visit.errors and not visit.good:
            raise self._ended_by_errors(visit)
        # If arrivals found no connection, the target holds all of them, and the generator is not to blame.
        if visit.gen_verdict is GeneratorWord.LIMITED and not visit.not_sent:
            raise SearchEnded(End.GENERATOR_LIMITED, visit.reason or "the generator was the limit")
        if not may_fail and _dead(visit):
            raise self._ended_by_errors(visit)
        return visit

    def _ended_by_errors(self, visit: Visit) -> SearchEnded:
        answered_before = any(v.good for v in self.visits[:-1])
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


def _dead(visit: Visit) -> bool:
    """No good answer, or most attempts got no answer at all. Error answers next to good ones are mere overload."""
    lost = visit.error_refused + visit.error_reset + visit.error_timeout
    return visit.good == 0 or lost > DEAD_SHARE * (visit.good + visit.errors)
