"""The status of a running search in words, for the terminal and the live page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from floodmark.report.cells import significant

if TYPE_CHECKING:
    from floodmark.search.order import Order
    from floodmark.verdict.interim import Interim
    from floodmark.verdict.visit import Visit

DOING = {
    "warm": "warming up",
    "base": "measuring the response time without contention",
    "bracket": "bracketing the knee",
    "place": "choosing the level to hold",
    "hold": "holding",
    "verify": "verifying beyond",
    "overload": "overloading",
    "recovery": "looking for recovery",
    "slo": "searching for the SLO rate",
    "confirm": "confirming the SLO rate",
    "step": "stepping",
}


def load(order: Order) -> str:
    """The load of an order: users, or arrivals."""
    if order.rate_rps is not None:
        return f"{order.rate_rps:.1f} arrivals/s"
    return f"{order.users} user{'s' if order.users != 1 else ''}"


def left(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def estimate(known: Interim) -> str:
    """The current estimate of goodput with its interval; empty before the first usable visit."""
    interval = known.goodput
    if interval is None:
        return ""
    text = f"{significant(interval.value, 4)} good/s"
    if math.isfinite(interval.hi):
        text += f" [{significant(interval.lo, 4)}, {significant(interval.hi, 4)}]"
    visits = f"{known.visits} visit{'s' if known.visits != 1 else ''}"
    return f"{text}, {visits} {'held at' if known.held else 'at'} {known.users} users"


def bracket(known: Interim) -> str:
    """The range of users that contains the knee; empty if unknown."""
    if known.free is None and known.full is None:
        return ""
    if known.full is None:
        return f"above {known.free} users"
    return f"{known.free or 0} to {known.full} users"


def generator(visit: Visit) -> str:
    """The state of the generator in the last visit."""
    if visit.gen_verdict is None:
        return ""
    parts = [str(visit.gen_verdict)]
    if visit.gen_cpu_max is not None:
        parts.append(f"{visit.gen_cpu_max:.0%} of a core")
    if visit.loop_lag_p99_ms is not None:
        parts.append(f"loop lag p99 {visit.loop_lag_p99_ms:.1f} ms")
    return ", ".join(parts)
