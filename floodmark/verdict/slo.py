"""The verdict on the SLO rate: the highest rate in the open model that was confirmed to keep its latency limit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from floodmark.stats.intervals import at_most, one_sided_t
from floodmark.stats.tail import MISSES, Trial, sustainable
from floodmark.verdict.enums import Generator, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.visit import Visit

PIECES = 5
"""Adjacent windows of a confirming run. Their differences show how much the share of misses varies."""
DOUBT = 0.1
"""Accepted probability that the long-run share of misses is above the limit, for the first attempt; half of it for the
second, a third for the third."""
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


def miss_bound(run: Run, attempt: int) -> float:
    """Upper bound of the long-run share of misses, with DOUBT divided by the number of attempts.

    Misses come in clumps, while the target works off a queue, so their number says less than that of a binomial sample
    would. The shares of the windows are compared instead: mean + t s / sqrt(n). Without any difference between them,
    it is the exact bound of so many arrivals (Clopper-Pearson).
    """
    shares = [t.misses / t.arrivals for t in map(trial_of, run) if t.arrivals]
    whole = pooled(run)
    if len(shares) < 2:
        return 1.0
    level = 1 - DOUBT / attempt
    spread = statistics.stdev(shares) / math.sqrt(len(shares))
    by_windows = statistics.fmean(shares) + one_sided_t(len(shares) - 1, level) * spread
    return max(by_windows, at_most(whole.misses, whole.arrivals, level))


def hopeless(run: Run) -> bool:
    """Whether the run has failed already, even if no arrival misses in its remaining windows."""
    if len(run) < 2:
        return False
    whole = pooled(run)
    return whole.misses > MISSES * whole.arrivals * PIECES / len(run)


def kept(run: Run, error_share: float, attempt: int) -> bool:
    """Whether in the long run at most 1 % of the arrivals are late, failed or unanswered."""
    if len(run) < PIECES or any(v.gen_verdict is Generator.LIMITED for v in run):
        return False
    errors, answers = sum(v.errors for v in run), sum(v.errors + v.good for v in run)
    return errors <= error_share * answers and miss_bound(run, attempt) <= MISSES


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
    held = [attempt for attempt, run in enumerate(runs, 1) if kept(run, error_share, attempt)]
    if not held:
        why = _why_none(visits, runs)
        return {"slo_rate_rps": Estimate(valid=False, reason=why, n_visits=len(trials)), **limit}
    run = runs[held[-1] - 1]
    return {"slo_rate_rps": _rate(run, held[-1], trials, ceiling_rps, limit_ms), **limit, **_tail(run)}


def _why_none(visits: Sequence[Visit], runs: Sequence[Run]) -> str:
    limited = [v for v in visits if v.phase in {Phase.SLO, Phase.CONFIRM} and v.gen_verdict is Generator.LIMITED]
    if limited:
        return f"generator limited: {limited[-1].reason}"
    if not runs:
        return "no rate was confirmed"
    return f"none of {len(runs)} rates down to {pooled(runs[-1]).rate_rps:.1f}/s kept it"


def _rate(run: Run, attempt: int, trials: Sequence[Visit], ceiling_rps: float, limit_ms: float) -> Estimate:
    whole = pooled(run)
    between = sustainable([trial_of(v) for v in trials], ceiling_rps, limit_ms / 1000)
    return Estimate(
        value=whole.rate_rps,
        lo=min(whole.rate_rps, between.lo),
        hi=max(whole.rate_rps, between.hi),
        method=f"confirmed in {sum(v.seconds for v in run):.0f} s: {whole.misses} of {whole.arrivals} arrivals missed, "
        f"in the long run at most {miss_bound(run, attempt):.2%}; attempt {attempt}",
        n_visits=len(trials) + attempt,
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
