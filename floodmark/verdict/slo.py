"""The verdict on the SLO rate: the highest rate in the open model that was confirmed to keep its latency limit."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from floodmark.stats.tail import MISSES, Trial, sustainable
from floodmark.verdict.enums import Generator, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.visit import Visit

PIECES = 5
"""Adjacent windows of a confirming run, one of which may be disturbed."""
FAR = 0.03
"""A larger share of misses means that the rate was not just slightly too high."""
GAP_S = 0.05

Run = Sequence[Visit]
"""The windows of one confirming run."""


def trial_of(visit: Visit) -> Trial:
    """A visit in the open model as a trial of its rate."""
    arrivals = round((visit.rate_intended_rps or 0.0) * visit.seconds)
    return Trial(visit.rate_intended_rps or 0.0, arrivals, visit.slo_misses or 0)


def pooled(run: Run) -> Trial:
    """A whole run as a single trial."""
    trials = [trial_of(v) for v in run]
    arrivals = sum(t.arrivals for t in trials)
    return Trial(arrivals / sum(v.seconds for v in run), arrivals, sum(t.misses for t in trials))


def undisturbed(run: Run) -> Run:
    """The run without its worst window, which a stall of the host may have disturbed."""
    worst = max(range(len(run)), key=lambda i: trial_of(run[i]).misses)
    return [*run[:worst], *run[worst + 1 :]]


def hopeless(run: Run) -> bool:
    """Whether the run has failed already, however good its remaining windows are."""
    if len(run) < 2:
        return False
    quiet = pooled(undisturbed(run))
    return quiet.misses > MISSES * quiet.arrivals * (PIECES - 1) / (len(run) - 1)


def kept(run: Run, error_share: float) -> bool:
    """Whether, leaving out one disturbed window, at most 1 % of the arrivals were late, failed or unanswered."""
    if len(run) < PIECES or any(v.gen_verdict is Generator.LIMITED for v in run):
        return False
    quiet = undisturbed(run)
    trial = pooled(quiet)
    errors, answers = sum(v.errors for v in quiet), sum(v.errors + v.good for v in quiet)
    return trial.arrivals > 0 and trial.misses <= MISSES * trial.arrivals and errors <= error_share * answers


def far_off(run: Run) -> bool:
    """Whether a run missed by more than a slightly too high rate explains."""
    trial = pooled(run)
    return trial.misses > FAR * trial.arrivals


def confirmations(visits: Sequence[Visit]) -> list[Run]:
    """The confirming runs among all visits: the windows of a run follow each other without a gap."""
    runs: list[list[Visit]] = []
    for visit in visits:
        if visit.phase is Phase.CONFIRM and visit.rate_intended_rps:
            if runs and visit.t_start_s - runs[-1][-1].t_end_s < GAP_S:
                runs[-1].append(visit)
            else:
                runs.append([visit])
    return list(runs)


def judge_slo(visits: Sequence[Visit], ceiling_rps: float | None, error_share: float) -> dict[str, Estimate]:
    """The rows ``slo_rate_rps``, ``slo_ms`` and ``slo_p99_ms``, from the visits of all phases."""
    trials = [v for v in visits if v.phase is Phase.SLO and v.rate_intended_rps]
    runs = confirmations(visits)
    limit_ms = next((v.slo_ms for v in trials if v.slo_ms is not None), None)
    if limit_ms is None or not ceiling_rps:
        return {"slo_rate_rps": Estimate(valid=False, reason="not searched: no ceiling was confirmed")}
    limit = {"slo_ms": Estimate(value=limit_ms, method="latency from the intended send time, 99 % of arrivals")}
    held = [run for run in runs if kept(run, error_share)]
    if not held:
        why = _why_none(visits, runs)
        return {"slo_rate_rps": Estimate(valid=False, reason=why, n_visits=len(trials)), **limit}
    return {"slo_rate_rps": _rate(held[-1], len(runs), trials, ceiling_rps, limit_ms), **limit, **_tail(held[-1])}


def _why_none(visits: Sequence[Visit], runs: Sequence[Run]) -> str:
    limited = [v for v in visits if v.phase in {Phase.SLO, Phase.CONFIRM} and v.gen_verdict is Generator.LIMITED]
    if limited:
        return f"generator limited: {limited[-1].reason}"
    if not runs:
        return "no rate was confirmed"
    return f"none of {len(runs)} rates down to {pooled(runs[-1]).rate_rps:.1f}/s kept it"


def _rate(run: Run, attempts: int, trials: Sequence[Visit], ceiling_rps: float, limit_ms: float) -> Estimate:
    whole, quiet = pooled(run), pooled(undisturbed(run))
    between = sustainable([trial_of(v) for v in trials], ceiling_rps, limit_ms / 1000)
    text = f"confirmed in {sum(v.seconds for v in run):.0f} s: {whole.misses} of {whole.arrivals} arrivals missed"
    if whole.misses > MISSES * whole.arrivals:
        text += f", {whole.misses - quiet.misses} of them in one disturbed window of {len(run)}"
    return Estimate(
        value=whole.rate_rps,
        lo=min(whole.rate_rps, between.lo),
        hi=max(whole.rate_rps, between.hi),
        method=f"{text}; attempt {attempts}",
        n_visits=len(trials) + attempts,
    )


def _tail(run: Run) -> dict[str, Estimate]:
    tails = [v.r_p99_ms for v in run if v.r_p99_ms is not None]
    return {
        "slo_p99_ms": Estimate(
            value=statistics.median(tails) if tails else None,
            method="of the confirming run, median of its windows",
            n_visits=len(tails) or None,
            valid=bool(tails),
            reason="" if tails else "too few answers in a window for this percentile",
        )
    }
