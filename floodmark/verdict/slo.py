"""The verdict on the SLO rate: the highest rate of the open model that was confirmed to keep its limit."""

from __future__ import annotations

from collections.abc import Sequence

from floodmark.stats.tail import MISSES, Trial, sustainable
from floodmark.verdict.point import Point
from floodmark.verdict.step import Step
from floodmark.verdict.words import Generator, Phase

CLEARLY = 0.03
"""Share of misses that is not explained by a rate a little too high."""


def trial_of(step: Step) -> Trial:
    """What an open visit says of its rate."""
    arrivals = round((step.rate_intended_rps or 0.0) * step.seconds)
    return Trial(step.rate_intended_rps or 0.0, arrivals, step.slo_misses or 0)


def kept(step: Step, error_share: float) -> bool:
    """Whether at most 1 % of the arrivals missed: late, failed or never answered, the latter even when in time."""
    trial = trial_of(step)
    return (
        trial.arrivals > 0
        and trial.misses <= MISSES * trial.arrivals
        and step.error_share <= error_share
        and step.gen_verdict is not Generator.LIMITED
    )


def judge_slo(steps: Sequence[Step], ceiling_rps: float | None, error_share: float) -> dict[str, Point]:
    """Rows ``slo_rate_rps``, ``slo_ms`` and ``slo_p99_ms``, from the visits of all phases."""
    trials = [s for s in steps if s.phase is Phase.SLO and s.rate_intended_rps]
    confirmations = [s for s in steps if s.phase is Phase.CONFIRM and s.rate_intended_rps]
    limit_ms = next((s.slo_ms for s in trials if s.slo_ms is not None), None)
    if limit_ms is None or not ceiling_rps:
        return {"slo_rate_rps": Point(valid=False, reason="not searched: no ceiling was confirmed")}
    limited = next((s for s in trials + confirmations if s.gen_verdict is Generator.LIMITED), None)
    usable = [s for s in trials if s.gen_verdict is not Generator.LIMITED]
    held = [s for s in confirmations if kept(s, error_share)]
    limit = {"slo_ms": Point(value=limit_ms, method="latency from the intended send time, 99 % of arrivals")}
    if not held:
        why = (
            f"generator limited: {limited.reason}"
            if limited is not None
            else f"none of {len(confirmations)} rates down to {confirmations[-1].rate_intended_rps:.1f}/s kept it"
            if confirmations
            else "no rate was confirmed"
        )
        return {"slo_rate_rps": Point(valid=False, reason=why, n_visits=len(trials)), **limit}
    last = held[-1]
    rate = last.rate_intended_rps or 0.0
    between = sustainable([trial_of(s) for s in usable], ceiling_rps, limit_ms / 1000) if usable else None
    missed = trial_of(last)
    return {
        "slo_rate_rps": Point(
            value=rate,
            lo=min(rate, max(between.lo, 0.0)) if between else rate,
            hi=max(rate, between.hi) if between else None,
            method=f"confirmed for {last.seconds:.0f} s: {missed.misses} of {missed.arrivals} arrivals missed; "
            f"attempt {len(confirmations)}",
            n_visits=len(usable) + len(confirmations),
        ),
        **limit,
        "slo_p99_ms": Point(
            value=last.r_p99_ms,
            method="of the confirming run",
            n_visits=1,
            valid=last.r_p99_ms is not None,
            reason="" if last.r_p99_ms is not None else "too few answers for this percentile",
        ),
    }
