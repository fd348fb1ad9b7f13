"""The row of sweep.csv: a point, and the result of its run or why there is none."""

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
"""A visit represents the knee if its users are within this factor of it."""
WIDE = 0.3
"""A ceiling with a larger relative half-width is too vague to choose by."""
MIB = 1024**2


class PointVerdict(StrEnum):
    """The verdict on a point."""

    CONFIRMED = "confirmed"
    MEMORY = "memory"
    TARGET = "target failed"
    GENERATOR = "generator limited"
    NO_VERDICT = "no verdict"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """A point of a sweep: a row of sweep.csv, in the order of its columns."""

    order: int
    """The order of measurement."""
    point: str
    """The varied settings."""
    server: str
    workload: str
    connections: str
    settings: str
    """All settings of the server."""
    nominal_slots: int | None = None
    cpus: int
    memory_bytes: int
    memory_enforced: bool | None = None
    shared_cores: bool = False
    verdict: PointVerdict
    ceiling_rps: float | None = None
    ceiling_lo: float | None = None
    ceiling_hi: float | None = None
    ceiling_alone_hi: float | None = None
    """Upper limit of the ceiling if the generator had not used the target's CPUs; ``ceiling_hi`` if it did not."""
    knee_inflight: float | None = None
    knee_users: float | None = None
    r0_ms: float | None = None
    p95_ms: float | None = None
    """Latency at ``p95_users``, the visited level nearest to the knee."""
    p95_users: int | None = None
    cpu_cores: float | None = None
    """What the target used at the held level."""
    gen_cpu_cores: float | None = None
    """What the generator used at the held level."""
    pss_peak_bytes: int | None = None
    """The most memory observed, with each shared page counted once."""
    generator: str | None = None
    tie: bool | None = None
    """Whether it does not differ from the best of its budget and load."""
    recommended: bool | None = None
    """Whether it is the cheapest of those."""
    seconds: float | None = None
    run_id: str = ""
    reason: str = ""


def sweep_row(
    order: int, point: str, folder: Path, error: FloodmarkError | None, *, generators: int, seconds: float
) -> SweepRow:
    """Summarise the run in ``folder``, which ended with ``error`` if it failed."""
    run = read_run(folder)
    record, results = run.record, run.results
    scenario, memory, shared = record.scenario, record.memory, record.cores.shared
    cpu, gen = _median([v.cpu_cores for v in run.held]), _median([v.gen_cpu_max for v in run.held])
    pss = max((v.pss_bytes for v in run.visits if v.pss_bytes is not None), default=None)
    ceiling = results["ceiling_rps"]
    verdict, reason = _verdict(ceiling, error, judged_outcome(run).end)
    if verdict is PointVerdict.CONFIRMED and not memory.enforced and pss is not None and pss > memory.budget_bytes:
        verdict = PointVerdict.MEMORY
        reason = f"over budget: PSS {pss / MIB:.0f} MiB of {memory.budget_bytes / MIB:.0f} MiB"
    knee, knee_users = run.number("knee_inflight"), run.number("knee_users")
    p95, p95_users = _p95(run, knee, knee_users)
    used = None if gen is None else gen * generators
    lo, hi = ceiling.in_run
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
        verdict=verdict,
        ceiling_rps=_value(ceiling) if ceiling.valid else None,
        ceiling_lo=lo,
        ceiling_hi=hi,
        ceiling_alone_hi=alone_hi(hi, cpu, used, scenario.budget.cpus) if shared else hi,
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
    """Upper limit of the ceiling that the target would have without the generator on its CPUs.

    The target could have used what the generator used, at the same cost per request, up to all CPUs.
    """
    if hi is None or not target or generator is None:
        return hi
    return hi * min(target + generator, max(target, float(cpus))) / target


def _verdict(ceiling: Result, error: FloodmarkError | None, end: End) -> tuple[PointVerdict, str]:
    text = "" if error is None else " ".join(str(error).split())
    match error:
        case None:
            vague = _vague(ceiling)
            return (PointVerdict.CONFIRMED, ceiling.reason) if not vague else (PointVerdict.NO_VERDICT, vague)
        case OutOfMemory():
            return PointVerdict.MEMORY, text
        case TargetError():
            return PointVerdict.TARGET, text
        case _ if error.exit_code == 4:
            return (
                PointVerdict.GENERATOR if end is End.GENERATOR_LIMITED else PointVerdict.NO_VERDICT
            ), ceiling.reason or text
        case _:
            return PointVerdict.ERROR, text


def _vague(ceiling: Result) -> str:
    """Why a ceiling is too vague to choose by; empty if it is not."""
    value = _value(ceiling)
    lo, hi = ceiling.in_run
    if not value or lo is None or hi is None:
        return "no interval"
    half = (hi - lo) / 2 / value
    return (
        ""
        if half <= WIDE
        else f"known to ±{half:.0%} only, which is too vague to choose by (at most ±{WIDE:.0%}); try --full"
    )


def _p95(run: Run, knee: float | None, knee_users: float | None) -> tuple[float | None, int | None]:
    """p95 at the visited level nearest to the knee that has enough answers, and that level."""
    thinking = bool(run.record.scenario.load.think_time_ms)
    knee_level = knee_users if thinking else knee
    if not knee_level:
        return None, None
    excluded = {Phase.WARM, Phase.RECOVERY} | ({Phase.BASE, Phase.BRACKET} if thinking else set())
    levels: dict[int, list[Visit]] = {}
    for visit in run.visits:
        if visit.valid and visit.good and visit.phase not in excluded:
            levels.setdefault(visit.users, []).append(visit)
    counts = read_table(run.path / HISTOGRAMS, BucketCount)
    for users in sorted(levels, key=lambda n: abs(math.log(n / knee_level))):
        if abs(math.log(users / knee_level)) > math.log(NEAR) + 1e-9:
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
