"""From a window of sums to a judged visit."""

from __future__ import annotations

import math

from floodmark.stats.histogram import percentile
from floodmark.stats.intervals import batch_half_width
from floodmark.stats.steadiness import trending
from floodmark.stats.window import ErrorKind, Window
from floodmark.verdict.generator import GeneratorGauges, judge
from floodmark.verdict.step import Step
from floodmark.verdict.words import Generator, Phase

MIN_FOR_LAWS = 50
"""Responses below which the operational laws are not held against a visit."""


def measure(
    window: Window,
    *,
    visit: int,
    phase: Phase,
    users: int,
    r0_ms: float | None = None,
) -> Step:
    """Build the Step of one closed-loop visit.

    r0_ms: the uncontended response time, where it is known; without it no efficiency is given.
    """
    good, seconds = window.good, window.seconds
    goodput = good / seconds
    half = batch_half_width(window.good_per_bin)
    r_mean = window.good_ms / good if good else None
    little, law = _gaps(window, users)
    cpu = max(window.cpu_cores.values(), default=None)
    lag = window.lag.quantile(0.99)
    word, why = judge(GeneratorGauges(cpu_max=cpu, loop_lag_p99_ms=lag, r0_ms=r0_ms, little_gap=little, law_gap=law))
    steady = not trending(window.good_per_bin)
    valid, reason = _validity(word, why, steady=steady, phase=phase)
    return Step(
        visit=visit,
        phase=phase,
        t_start_s=window.start_s,
        t_end_s=window.end_s,
        users=users,
        good=good,
        errors=window.failed,
        error_refused=window.errors.get(ErrorKind.REFUSED, 0),
        error_timeout=window.errors.get(ErrorKind.TIMEOUT, 0),
        error_reset=window.errors.get(ErrorKind.RESET, 0),
        error_http=window.errors.get(ErrorKind.HTTP, 0),
        error_body=window.errors.get(ErrorKind.BODY, 0),
        goodput_rps=goodput,
        goodput_lo=max(0.0, goodput * (1 - half)) if math.isfinite(half) else None,
        goodput_hi=goodput * (1 + half) if math.isfinite(half) else None,
        inflight_mean=None if window.in_flight_s is None else window.in_flight_s / seconds,
        r_mean_ms=r_mean,
        r_p50_ms=percentile(window.histogram, 0.50),
        r_p90_ms=percentile(window.histogram, 0.90),
        r_p95_ms=percentile(window.histogram, 0.95),
        r_p99_ms=percentile(window.histogram, 0.99),
        r_max_ms=window.max_ms if good else None,
        connections_opened=window.connections_opened,
        efficiency=goodput * (r0_ms / 1000 + _think_s(window)) / users if r0_ms is not None else None,
        little_gap=little,
        law_gap=law,
        steady=steady,
        gen_cpu_max=cpu,
        loop_lag_p99_ms=lag,
        gen_verdict=word,
        valid=valid,
        reason=reason,
    )


def _think_s(window: Window) -> float:
    """Measured mean think time per request, Z."""
    return window.think_s / window.thoughts if window.thoughts else 0.0


def _gaps(window: Window, users: int) -> tuple[float | None, float | None]:
    """Relative violations of L = X R and of N = X (R + Z); None where too little was seen.

    Both are taken in request-seconds with the edges of the window accounted for, so that they hold exactly
    for any finite window, steady or not, and a gap is the generator's. A positive law gap is time in which
    users were neither waiting for an answer nor thinking: ready, and not sent.
    """
    responses = window.good + window.failed
    if responses < MIN_FOR_LAWS:
        return None, None
    law = 1 - (window.response_s + window.think_s) / (users * window.seconds)
    if not window.in_flight_s:
        return None, law
    return 1 - window.response_s / window.in_flight_s, law


def _validity(word: Generator, why: str, *, steady: bool, phase: Phase) -> tuple[bool, str]:
    if word is Generator.LIMITED:
        return False, f"generator limited: {why}"
    if not steady and phase is not Phase.WARM:
        return False, "goodput drifted within the visit"
    return True, why if word is Generator.SUSPECT else ""
