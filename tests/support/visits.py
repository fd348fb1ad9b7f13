"""Made-up visits and windows: what a test does not say of one is as it is when nothing is wrong."""

from __future__ import annotations

from typing import Any

from floodmark.stats.histogram import Histogram
from floodmark.stats.window import Window
from floodmark.verdict.enums import Generator, Phase
from floodmark.verdict.visit import Visit


def visit(
    phase: Phase = Phase.HOLD,
    users: int = 8,
    rate: float = 0.0,
    r_ms: float | None = None,
    number: int = 1,
    *,
    start_s: float = 0.0,
    seconds: float = 5.0,
    half_width: float | None = 0.01,
    **more: Any,
) -> Visit:
    """A visit by users without think time, so that R = N / X where ``r_ms`` is not said.

    half_width: of its goodput interval, relative; None for a visit that has none. more: any other fields.
    """
    fields: dict[str, Any] = {
        "number": number,
        "phase": phase,
        "t_start_s": start_s,
        "t_end_s": start_s + seconds,
        "users": users,
        "good": round(rate * seconds),
        "goodput_rps": rate,
        "goodput_lo": None if half_width is None else rate * (1 - half_width),
        "goodput_hi": None if half_width is None else rate * (1 + half_width),
        "r_mean_ms": r_ms if r_ms is not None else 1000 * users / rate if rate else None,
        "gen_verdict": Generator.OK,
        **more,
    }
    return Visit(**fields)


def window(counts: list[int], r_ms: float, **more: Any) -> Window:
    """Tenths of a second with so many good answers, each after ``r_ms``, and eight requests always in flight."""
    histogram = Histogram()
    for _ in range(sum(counts)):
        histogram.add(r_ms)
    fields: dict[str, Any] = {
        "start_s": 10.0,
        "end_s": 10.0 + len(counts) / 10,
        "good_per_bin": counts,
        "answers_per_bin": counts,
        "ms_per_bin": [r_ms * count for count in counts],
        "errors": {},
        "good_ms": r_ms * sum(counts),
        "all_ms": r_ms * sum(counts),
        "max_ms": r_ms,
        "histogram": histogram,
        "error_histogram": Histogram(),
        "in_flight_s": 8.0 * len(counts) / 10,
        "connections_opened": 3,
        "cpu_cores": {"local": 0.05},
        **more,
    }
    return Window(**fields)
