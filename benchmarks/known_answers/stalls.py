"""K11: stalls count for every arrival that was due in them, and for one request of a user who waits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from benchmarks.known_answers import formulas
from benchmarks.known_answers.bars import Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence, Found
from benchmarks.known_answers.load import load
from benchmarks.known_answers.servers import Behind
from floodmark.plan.planned_run import LOCUSTFILES
from floodmark.protocol.load_settings import LoadSettings
from floodmark.results.schema import HISTOGRAMS, BucketCount
from floodmark.results.table import read_table
from floodmark.search.settings import LevelSettings
from floodmark.stats.histogram import Histogram, bucket
from floodmark.verdict.enums import Phase

CALM = ("--slots", "1000", "--ms", "10")
STALL_S, PERIOD_S = 0.200, 10.0
CLOSED_S = 40.0
OPEN_S = 60
RATE_RPS = 101.3167
"""A sixth of an arrival more than a whole number a period, so that each of the six stalls meets the schedule at another
point of it: together their waits are 1.6 ms apart, not 9.9 ms.
"""


def stalling(bench: Bench, case: Case) -> Evidence:
    """One user, whose median is the s of the open truths, and beside it a plain client of the same server without
    stalls, whose p99 the user's must be; then a fixed rate.
    """
    assert isinstance(case.target, Behind)

    settings = LoadSettings(level=LevelSettings(users=1, seconds=CLOSED_S))
    calm = dataclasses.replace(case.target, words=CALM)
    with bench.behind(case.target) as (url, _), bench.plain_user(calm) as plain:
        loaded = load(bench, LOCUSTFILES / "url.py", url, settings, CLOSED_S)
    (closed,) = loaded.visits
    evidence = bench.run_behind(case.target, case.arguments)
    metrics = dict(evidence.metrics)
    assert closed.r_p50_ms is not None
    metrics["service_ms"] = Found(value=closed.r_p50_ms)
    metrics["calm_p99_ms"] = Found(value=1000 * plain.latency_s(0.99, loaded.window(closed)))
    metrics["closed_p99_ms"] = Found(value=closed.r_p99_ms, valid=closed.valid, reason=closed.reason)
    held = next((s for s in evidence.visits if s.phase is Phase.STEP), None)
    if evidence.run is not None and held is not None:
        metrics["open_p999_ms"] = Found(value=quantile(evidence.run.path / HISTOGRAMS, held.number, 0.999))
    return dataclasses.replace(evidence, metrics=metrics)


def quantile(histograms: Path, visit: int, q: float) -> float | None:
    """Of a visit's good answers, from the run's own buckets; None where it has none."""
    rows = [row for row in read_table(histograms, BucketCount) if row.visit == visit and row.kind == "good"]
    middles = {bucket((row.bucket_lo_ms * row.bucket_hi_ms) ** 0.5): row.count for row in rows}
    return Histogram(middles).quantile(q)


def _open_ms(evidence: Evidence, q: float) -> float:
    service_s = evidence.number("service_ms") / 1000
    return 1000 * formulas.stall_quantile_s(q, service_s, STALL_S, PERIOD_S)


CASES = (
    Case(
        id="K11",
        claim="200 ms stall in every 10 s, s = 10 ms: p99 is s + 100 ms at a fixed rate, "
        "and for one user who waits as if there were none",
        about_s=130,
        target=Behind(words=(*CALM, "--stall-ms", f"{1000 * STALL_S:g}", "--stall-every-s", f"{PERIOD_S:g}")),
        arguments=tuple(
            word
            for pair in ("model=open", f"rate_rps={RATE_RPS}", "arrivals=constant", f"seconds={OPEN_S}")
            for word in ("--set", f"load.{pair}")
        ),
        measure=stalling,
        checks=(
            Check(metric="r_p99_ms", truth=lambda e: _open_ms(e, 0.99), bar=Within(0.03)),
            Check(metric="open_p999_ms", truth=lambda e: _open_ms(e, 0.999), bar=Within(0.03)),
            Check(metric="closed_p99_ms", truth=lambda e: e.number("calm_p99_ms"), bar=Within(0.1)),
        ),
    ),
)
