"""Offers one given rate in the open model, to see whether the target follows and how long its answers take."""

from __future__ import annotations

import math

from floodmark.search.order import Order, Search
from floodmark.search.settings import RateSettings, Span
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.outcome import Outcome

SETTLE_S = 2.0
WARM_S = 3.0
CONNECTIONS_MIN = 64
CONNECTIONS_S = 2.0
"""There are connections for this many seconds of arrivals; if the target stalls longer, arrivals wait."""


def connections(rate_rps: float, most: int) -> int:
    """The number of connections that arrivals may use."""
    return min(most, max(CONNECTIONS_MIN, math.ceil(rate_rps * CONNECTIONS_S)))


def fixed_rate(settings: RateSettings) -> Search:
    """Warm up at the rate, then measure it in one visit."""
    users = connections(settings.rate_rps, settings.max_users)
    for phase, seconds in ((Phase.WARM, WARM_S), (Phase.STEP, settings.seconds)):
        yield Order(
            phase=phase,
            users=users,
            think=True,
            settle_s=SETTLE_S,
            span=Span.fixed(seconds),
            most_s=seconds,
            rate_rps=settings.rate_rps,
            left_s=seconds + SETTLE_S + (settings.seconds + SETTLE_S if phase is Phase.WARM else 0.0),
        )
    return Outcome(end=End.RATE_HELD, reason="")
