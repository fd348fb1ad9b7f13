"""The row of sweep.csv: one setting, what a run of it found, or why there is nothing."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from floodmark.errors import FloodmarkError, OutOfMemory, TargetError
from floodmark.results.outcome import judged_outcome
from floodmark.results.run import Run, read_run
from floodmark.results.schema import HISTOGRAMS, BucketCount, Result
from floodmark.results.table import read_table
from floodmark.stats.histogram import Histogram, bucket, percentile
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.visit import Visit

SWEEP = "sweep.csv"
NEAR = 2.0
"""Times the knee, or its part, that a visit's users may be and still say what it is like at the knee."""
WIDE = 0.3
"""Half-width of a ceiling's interval, relative, beyond which nothing can be chosen by it."""
MIB = 1024**2


class Found(StrEnum):
    """What became of a point."""

    CONFIRMED = "confirmed"
    MEMORY = "memory"
    TARGET = "target failed"
    GENERATOR = "generator limited"
    NO_VERDICT = "no verdict"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """One point of a sweep, in the order in which it was measured.

    point: what was varied. settings: all of the server's. ceiling_alone_hi: upper limit of what the ceiling would be
    had the generator not used the target's own CPUs; equal to ceiling_hi where it has its own. p95_ms: latency at the
    visited level nearest to the knee, p95_users. cpu_cores, gen_cpu_cores: what target and generator used at the held
    level. pss_peak_bytes: most memory seen, each shared page counted once. tie: no different from the best of its
    budget and load; recommended: the cheapest of these.
    """

    order: int
    point: str
    server: str
    workload: str
    connections: str
    settings: str
    nominal_slots: int | None = None
    cpus: int
    memory_bytes: int
    memory_enforced: bool | None = None
    shared_cores: bool = False
    verdict: Found
    ceiling_rps: float | None = None
    ceiling_lo: float | None = None
    ceiling_hi: float | None = None
    ceiling_alone_hi: float | None = None
    knee_inflight: float | None = None
    knee_users: float | None = None
    r0_ms: float | None = None
    p95_ms: float | None = None
    p95_users: int | None = None
    cpu_cores: float | None = None
    gen_cpu_cores: float | None = None
    pss_peak_bytes: int | None = None
    generator: str | None = None
    tie: bool | None = None
    recommended: bool | None = None
    seconds: float | None = None
    run_id: str = ""
    reason: str = ""


def sweep_row(
    order: int, point: str, folder: Path, error: FloodmarkError | None, *, generators: int, seconds: float
) -> SweepRow:
    """Sum up the run in ``folder``, which ended with ``error`` if any."""
    run = read_run(folder)
    record, results = run.record, run.results
    scenario, memory, shared = record.scenario, record.memory, record.cores.shared
    cpu, gen = _median([s.cpu_cores for s in run.held]), _median([s.gen_cpu_max for s in run.held])
    pss = max((s.pss_bytes for s in run.visits if s.pss_bytes is not None), default=None)
    ceiling = results["ceiling_rps"]
    word, reason = _verdict(ceiling, error, judged_outcome(run).end)
    if word is Found.CONFIRMED and not memory.enforced and pss is not None and pss > memory.budget_bytes:
        word = Found.MEMORY
        reason = f"over budget: PSS {pss / MIB:.0f} MiB of {memory.budget_bytes / MIB:.0f} MiB"
    knee, knee_users = run.number("knee_inflight"), run.number("knee_users")
    p95, p95_users = _p95(run, knee, knee_users)
    used = None if gen is None else gen * generators
    return SweepRow(
        order=order,
        point=point,
        server=record.target.server,
        workload=scenario.workload,
        connections=scenario.load.connections,
        settings=" ".join(f"{name}={value}" for name, value in record.target.declared.items()),
        nominal_slots=record.target.nominal_slots,
        cpus=scenario.budget.cpus,
        memory_bytes=memory.budget_bytes,
        memory_enforced=memory.enforced,
        shared_cores=shared,
        verdict=word,
        ceiling_rps=_value(ceiling) if ceiling.valid else None,
        ceiling_lo=ceiling.lo,
        ceiling_hi=ceiling.hi,
        ceiling_alone_hi=alone_hi(ceiling.hi, cpu, used, scenario.budget.cpus) if shared else ceiling.hi,
        knee_inflight=knee,
        knee_users=knee_users,
        r0_ms=run.number("r0_ms"),
        p95_ms=p95,
        p95_users=p95_users,
        cpu_cores=cpu,
        gen_cpu_cores=used,
        pss_peak_bytes=pss,
        generator=run.word("generator"),
        seconds=round(seconds, 1),
        run_id=run.run_id,
        reason=reason,
    )


def alone_hi(hi: float | None, target: float | None, generator: float | None, cpus: int) -> float | None:
    """Upper limit of a ceiling that the target would have had without the generator on its CPUs.

    What the generator used, the target could have used at the same cost per request; never more than all CPUs.
    """
    if hi is None or not target or generator is None:
        return hi
    return hi * min(target + generator, max(target, float(cpus))) / target


def _verdict(ceiling: Result, error: FloodmarkError | None, end: End) -> tuple[Found, str]:
    text = "" if error is None else " ".join(str(error).split())
    match error:
        case None:
            wide = _wide(ceiling)
            return (Found.CONFIRMED, ceiling.reason) if not wide else (Found.NO_VERDICT, wide)
        case OutOfMemory():
            return Found.MEMORY, text
        case TargetError():
            return Found.TARGET, text
        case _ if error.exit_code == 4:
            return (Found.GENERATOR if end is End.GENERATOR_LIMITED else Found.NO_VERDICT), ceiling.reason or text
        case _:
            return Found.ERROR, text


def _wide(ceiling: Result) -> str:
    """Why an interval is too wide to choose by; empty where it is not."""
    value = _value(ceiling)
    if not value or ceiling.lo is None or ceiling.hi is None:
        return "no interval"
    half = (ceiling.hi - ceiling.lo) / 2 / value
    return (
        "" if half <= WIDE else f"known to ±{half:.0%} only, and nothing can be chosen by more than ±{WIDE:.0%}; --full"
    )


def _p95(run: Run, knee: float | None, knee_users: float | None) -> tuple[float | None, int | None]:
    """p95 of the answers at the visited level nearest to the knee that has enough of them."""
    thinking = bool(run.record.scenario.load.think_time_ms)
    at = knee_users if thinking else knee
    if not at:
        return None, None
    without = {Phase.WARM, Phase.RECOVERY} | ({Phase.BASE, Phase.BRACKET} if thinking else set())
    levels: dict[int, list[Visit]] = {}
    for visit in run.visits:
        if visit.valid and visit.good and visit.phase not in without:
            levels.setdefault(visit.users, []).append(visit)
    counts = read_table(run.path / HISTOGRAMS, BucketCount)
    for users in sorted(levels, key=lambda n: abs(math.log(n / at))):
        if abs(math.log(users / at)) > math.log(NEAR) + 1e-9:
            break
        visits = {visit.number for visit in levels[users]}
        p95 = percentile(_merged([c for c in counts if c.visit in visits and c.kind == "good"]), 0.95)
        if p95 is not None:
            return p95, users
    return None, None


def _merged(counts: Sequence[BucketCount]) -> Histogram:
    total = Histogram()
    for count in counts:
        middle = math.sqrt(count.bucket_lo_ms * count.bucket_hi_ms)
        total.merge({bucket(middle): count.count})
    return total


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _value(row: Result) -> float | None:
    return row.value if isinstance(row.value, float) else None
