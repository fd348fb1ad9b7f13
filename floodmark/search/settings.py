"""Budgets: how long each phase of a search may take."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Window lengths in s and visit counts. ``--quick`` is the same algorithm at a smaller effort.

    A visit with a least and a greatest length ends as soon as its goodput is known well enough for its purpose.
    """

    warm_s: float = 4.0
    warm_max_s: float = 60.0
    base_s: float = 2.5
    bracket_min_s: float = 1.5
    bracket_max_s: float = 4.0
    place_min_s: float = 2.5
    place_s: float = 3.5
    rebase_s: float = 1.5
    rebase_max_s: float = 4.0
    hold_min_s: float = 3.5
    hold_s: float = 5.0
    holds_min: int = 3
    holds_max: int = 12
    verify_min_s: float = 3.0
    verify_s: float = 4.0
    recovery_s: float = 3.0
    recovery_max_s: float = 10.0
    edge_s: float = 2.0
    trial_s: float = 12.0
    trials_min: int = 5
    trials_max: int = 6
    confirm_s: float = 60.0
    settle_min_s: float = 0.5


FULL = Effort()
QUICK = Effort(
    warm_s=2.5,
    warm_max_s=30.0,
    base_s=2.0,
    bracket_min_s=1.0,
    bracket_max_s=2.0,
    place_min_s=1.5,
    place_s=2.0,
    rebase_s=1.0,
    rebase_max_s=2.0,
    hold_min_s=2.5,
    hold_s=3.0,
    holds_max=5,
    verify_min_s=2.0,
    verify_s=3.0,
    recovery_s=2.0,
    recovery_max_s=6.0,
    edge_s=1.5,
    trial_s=6.0,
    trials_max=5,
    confirm_s=20.0,
    settle_min_s=0.4,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    """One rate of the open model: arrivals per second, how long to measure, connections at most."""

    rate_rps: float
    seconds: float = 20.0
    max_users: int = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSettings:
    """One level of the closed model: users, and how long to measure."""

    users: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SloSettings:
    """What counts as fast enough in the open model: either a multiple of R0, or ms; and errors it may have."""

    times_r0: float | None = None
    latency_ms: float | None = None
    error_share: float = 0.01

    def limit_ms(self, r0_s: float) -> float:
        """The latency that an arrival must be answered within."""
        if self.latency_ms is not None:
            return self.latency_ms
        assert self.times_r0 is not None
        return self.times_r0 * r0_s * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What a search is told.

    slots_hint: requests the target should run at once, where that is known. think_time_s: mean think time Z.
    precision: relative half-width of the 95 % interval to reach. max_users: never go beyond. slo: then also search
    the highest rate of the open model that keeps it; that takes its own time, beyond time_budget_s. known_users:
    the level that an earlier search holds its ceiling at: only visit that again.
    """

    slots_hint: int | None = None
    think_time_s: float = 0.0
    precision: float = 0.02
    time_budget_s: float = 180.0
    max_users: int = 4000
    effort: Effort = FULL
    slo: SloSettings | None = None
    known_users: int | None = None


_LATENCY = re.compile(r"(\d+(?:\.\d+)?)\s*(x|ms|s)")


def parse_slo(latency: str, error_share: float = 0.01) -> SloSettings:
    """An SLO from its latency in words: ``5x`` the uncontended response time, ``250ms``, or ``1.5s``.

    Raises ValueError saying what is allowed.
    """
    match = _LATENCY.fullmatch(latency)
    if match is None or not float(match[1]):
        raise ValueError('must be times the uncontended response time, such as "5x", or a time, such as "250ms"')
    number = float(match[1])
    if match[2] == "x":
        return SloSettings(times_r0=number, error_share=error_share)
    return SloSettings(latency_ms=number * (1000 if match[2] == "s" else 1), error_share=error_share)
