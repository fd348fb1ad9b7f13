"""Builds a judged visit from the sums over its window."""

from __future__ import annotations

import math

from floodmark.stats.histogram import percentile
from floodmark.stats.rate import counted, edge_corrected
from floodmark.stats.steadiness import trending
from floodmark.stats.window import ErrorKind, Window
from floodmark.verdict.enums import Generator, Model, Phase
from floodmark.verdict.generator import GeneratorGauges, judge
from floodmark.verdict.visit import Visit

FOLLOWING = 0.99
"""A target follows its arrivals if it answers at least this share of those due in a window."""
MIN_FOR_LAWS = 50
"""A visit with fewer responses is not tested against the operational laws."""


def visit_from_window(
    window: Window,
    *,
    number: int,
    phase: Phase,
    users: int,
    r0_ms: float | None = None,
    open_model: bool = False,
    null_rps: float | None = None,
    slo_ms: float | None = None,
    shared: bool = False,
    stamped: bool = False,
) -> Visit:
    """Build the row of one visit.

    r0_ms: the uncontended response time, if known; without it there is no efficiency.
    null_rps: the rate this generator reaches against a null server, if measured.
    shared: the generator runs on the target's CPUs.
    stamped: latencies end when the kernel received the answer, not when the generator read it.

    In the open model, percentiles cover the arrivals due in the window, measured from when they were due. Arrivals
    without a good answer count as slower than all others, as do requests that timed out in the closed model.
    """
    good, seconds = window.good, window.seconds
    rate = counted(window) if open_model else edge_corrected(window, users)
    goodput, half = rate.value, rate.half_width
    r_mean = window.good_ms / good if good else None
    little, law = _gaps(window, None if open_model else users)
    latencies = window.settled if open_model else window.histogram
    timed_out = window.errors.get(ErrorKind.TIMEOUT, 0)
    population = window.offered if open_model else good + timed_out if timed_out else None
    late = window.late.quantile(0.99)
    cpu = max(window.cpu_cores.values(), default=None)
    demand = max(
        (cores + window.queued_cores.get(process, 0.0) for process, cores in window.cpu_cores.items()), default=None
    )
    lag = window.lag.quantile(0.99)
    word, reason = judge(
        GeneratorGauges(
            cpu_max=cpu,
            demand_max=demand,
            shared=shared,
            stamped=stamped,
            cycle_ms=1000 * users * seconds / window.answers if window.answers and not open_model else None,
            flight_ms=1000 * (window.in_flight_s or 0.0) / window.answers if window.answers else None,
            rate_share=goodput / null_rps if null_rps else None,
            loop_lag_p99_ms=lag,
            r0_ms=r0_ms,
            little_gap=little,
            law_gap=law,
            law_chance=_law_chance(window, users),
            waiting_ms=r_mean - r0_ms if r_mean is not None and r0_ms is not None else None,
            stall_ms=window.lag.quantile(1.0),
            sched_lag_p99_ms=late if open_model else None,
            unsent_share=1 - window.sent / window.offered if open_model and window.offered else None,
        )
    )
    # In the open model a stall delays answers but loses none, so a target that follows its arrivals is steady.
    follows = open_model and window.settled.total >= FOLLOWING * window.offered
    steady = follows or not trending(window.good_per_bin)
    valid = word is not Generator.LIMITED and rate.agrees
    reason = _remark(word, reason, steady=steady, phase=phase)
    if not rate.agrees:
        reason = "the answers counted and their response times do not fit together"
    return Visit(
        number=number,
        phase=phase,
        t_start_s=window.start_s,
        t_end_s=window.end_s,
        model=Model.OPEN if open_model else Model.CLOSED,
        users=users,
        rate_intended_rps=window.offered / seconds if open_model else None,
        rate_sent_rps=window.sent / seconds if open_model else None,
        not_sent=window.offered - window.sent if open_model else None,
        good=good,
        errors=window.failed,
        error_refused=window.errors.get(ErrorKind.REFUSED, 0),
        error_timeout=timed_out,
        error_reset=window.errors.get(ErrorKind.RESET, 0),
        error_http=window.errors.get(ErrorKind.HTTP, 0),
        error_body=window.errors.get(ErrorKind.BODY, 0),
        goodput_rps=goodput,
        goodput_lo=max(0.0, goodput * (1 - half)) if math.isfinite(half) else None,
        goodput_hi=goodput * (1 + half) if math.isfinite(half) else None,
        inflight_mean=None if window.in_flight_s is None else window.in_flight_s / seconds,
        r_mean_ms=r_mean,
        r_p50_ms=percentile(latencies, 0.50, population),
        r_p90_ms=percentile(latencies, 0.90, population),
        r_p95_ms=percentile(latencies, 0.95, population),
        r_p99_ms=percentile(latencies, 0.99, population),
        r_max_ms=window.max_ms if good else None,
        slo_ms=slo_ms,
        slo_misses=window.offered - window.settled.within(slo_ms) if open_model and slo_ms is not None else None,
        connections_opened=window.connections_opened,
        efficiency=goodput * (r0_ms / 1000 + _think_s(window)) / users
        if r0_ms is not None and not open_model
        else None,
        little_gap=little,
        law_gap=law,
        steady=steady,
        gen_cpu_max=cpu,
        gen_demand_max=demand,
        loop_lag_p99_ms=lag,
        sched_lag_p99_ms=late,
        gen_verdict=word,
        valid=valid,
        reason=reason,
        counted_rps=rate.counted,
        think_s=_think_s(window) if window.answers else None,
        error_ms_mean=(window.all_ms - window.good_ms) / window.failed if window.failed else None,
    )


def _think_s(window: Window) -> float:
    """Z, the measured mean think time per request."""
    return window.think_s / window.thoughts if window.thoughts else 0.0


def _gaps(window: Window, users: int | None) -> tuple[float | None, float | None]:
    """Relative violations of L = X R and of N = X (R + Z); None if there are too few responses.

    Both are computed in request-seconds, with the edges of the window accounted for. They hold exactly for any finite
    window, steady or not, so a gap comes from the generator. A positive law gap is time in which users neither waited
    for an answer nor thought: they were ready, and nothing was sent. In the open model (``users`` None) neither law
    applies, because latency starts before the request is in flight.
    """
    responses = window.good + window.failed
    if responses < MIN_FOR_LAWS or users is None:
        return None, None
    law = 1 - (window.response_s + window.think_s + window.paused_s) / (users * window.seconds)
    if not window.in_flight_s:
        return None, law
    return 1 - window.response_s / window.in_flight_s, law


def _law_chance(window: Window, users: int) -> float:
    """Two standard deviations of what both edges cut from pauses: of each user about a mean one, if it pauses there."""
    pause_s = _think_s(window) + (window.paused_s / window.pauses if window.pauses else 0.0)
    return 2 * pause_s * math.sqrt(2 / users) / window.seconds if users else 0.0


def _remark(word: Generator, reason: str, *, steady: bool, phase: Phase) -> str:
    """What a reader of the visit should know. A visit that drifted counts: the spread between visits tells."""
    if word is Generator.LIMITED:
        return f"generator limited: {reason}"
    if not steady and phase is not Phase.WARM:
        return "goodput drifted within the visit"
    return reason if word is Generator.SUSPECT else ""
