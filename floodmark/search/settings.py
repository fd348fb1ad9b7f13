"""Settings of searches, including how long each phase may take."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Span:
    """How long a window lasts: at least and at most so many seconds, and so many rounds.

    A round is one answer to every user. Fast targets give hundreds of them in a second; slow ones take several seconds
    for one, and then the rounds decide. Between the least and the most, a window ends as soon as its goodput is known
    precisely enough.
    """

    min_s: float
    max_s: float
    min_rounds: float
    max_rounds: float

    @classmethod
    def fixed(cls, seconds: float) -> Span:
        """Exactly so many seconds."""
        return cls(seconds, seconds, 0.0, 0.0)

    def expected_s(self, round_s: float) -> tuple[float, float]:
        """The least and the greatest length, for rounds of this length."""
        return max(self.min_s, self.min_rounds * round_s), max(self.max_s, self.max_rounds * round_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Lengths of windows, and numbers of visits. ``--quick`` runs the same algorithm with a smaller effort."""

    warm: Span = Span(1.5, 1.5, 1.0, 1.0)
    warm_max_s: float = 60.0
    base: Span = Span(0.6, 2.5, 3.0, 10.0)
    bracket: Span = Span(0.5, 2.0, 1.0, 2.0)
    place: Span = Span(0.8, 2.0, 1.0, 2.0)
    hold: Span = Span(1.0, 5.0, 2.5, 4.0)
    holds_min: int = 3
    holds_max: int = 9
    verify: Span = Span(0.8, 3.0, 1.0, 1.5)
    recovery_s: float = 2.0
    recovery_max_s: float = 10.0
    edge: Span = Span(1.0, 1.5, 1.0, 1.5)
    trial_s: float = 12.0
    trials_min: int = 5
    trials_max: int = 6
    confirm_s: float = 60.0
    settle_min_s: float = 0.2


FULL = Effort()
QUICK = Effort(
    warm=Span(1.0, 1.0, 1.0, 1.0),
    warm_max_s=30.0,
    base=Span(0.5, 1.5, 2.0, 8.0),
    bracket=Span(0.4, 1.0, 1.0, 1.5),
    place=Span(0.6, 1.5, 1.0, 1.5),
    hold=Span(0.8, 3.0, 2.5, 3.0),
    holds_max=5,
    verify=Span(0.6, 2.0, 1.0, 1.5),
    recovery_s=1.5,
    recovery_max_s=6.0,
    edge=Span(0.8, 1.2, 1.0, 1.5),
    trial_s=6.0,
    trials_max=5,
    confirm_s=20.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    """One rate in the open model."""

    rate_rps: float
    """Arrivals per second."""
    seconds: float = 20.0
    """Length of the measured window."""
    max_users: int = 4000
    """The most connections to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSettings:
    """One level in the closed model, and how long to measure it."""

    users: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SloSettings:
    """The latency limit in the open model, as a multiple of R0 or in ms, and the share of errors allowed."""

    times_r0: float | None = None
    latency_ms: float | None = None
    error_share: float = 0.01

    def limit_ms(self, r0_s: float) -> float:
        """The latency limit in ms, given R0 in seconds."""
        if self.latency_ms is not None:
            return self.latency_ms
        assert self.times_r0 is not None
        return self.times_r0 * r0_s * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """The settings of a search for the ceiling."""

    slots_hint: int | None = None
    """The target's slots, if known."""
    think_time_s: float = 0.0
    """Mean think time Z."""
    precision: float = 0.02
    """Relative half-width of the 95 % interval to reach."""
    time_budget_s: float = 180.0
    stretches: bool = True
    """Whether a slow target may take longer than ``time_budget_s``, in proportion to its R0."""
    timeout_s: float | None = None
    """Time after which a request counts as failed; None: DEFAULT_TIMEOUT_S, or longer if R0 is long."""
    max_users: int = 4000
    """No level is higher than this."""
    effort: Effort = FULL
    slo: SloSettings | None = None
    """If given, also search for the SLO rate, which takes time beyond ``time_budget_s``."""
    known_users: int | None = None
    """If given, only recheck this level, at which an earlier search held its ceiling."""
    known_think: bool = False
    """Whether the users of ``known_users`` took their think time."""


_LATENCY = re.compile(r"(\d+(?:\.\d+)?)\s*(x|ms|s)")


def parse_slo(latency: str, error_share: float = 0.01) -> SloSettings:
    """Parse a latency limit: ``5x`` the uncontended response time, ``250ms`` or ``1.5s``.

    Raises ValueError, with what is allowed as its message.
    """
    match = _LATENCY.fullmatch(latency)
    if match is None or not float(match[1]):
        raise ValueError('must be times the uncontended response time, such as "5x", or a time, such as "250ms"')
    number = float(match[1])
    if match[2] == "x":
        return SloSettings(times_r0=number, error_share=error_share)
    return SloSettings(latency_ms=number * (1000 if match[2] == "s" else 1), error_share=error_share)
