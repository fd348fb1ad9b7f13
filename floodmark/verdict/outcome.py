"""How a search ended, and the judgements that can void what it found. Pure functions of what was seen."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.verdict.counts import Counts, disagreement
from floodmark.verdict.enums import End
from floodmark.verdict.generator import lacked_cpu
from floodmark.verdict.visit import Visit

FULL = 0.85
"""Share of the CPUs that target and generator used together, from which on they were full."""
MORE = 1.03
"""Twice the generators raised goodput if they gave more than this times every visit with as many as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a search ended, and at which level it holds its ceiling."""

    end: End
    reason: str
    hold_users: int | None = None


def judge_counts(outcome: Outcome, counts: Counts | None) -> Outcome:
    """Void what a search found where clients and server cannot have counted the same requests.

    counts: None where they are not comparable.
    """
    why = disagreement(counts) if counts is not None else None
    if why is None or outcome.end in {End.DIED, End.INTERRUPTED, End.FAILED}:
        return outcome
    return dataclasses.replace(outcome, end=End.MISCOUNTED, reason=why)


def judge_shared_cpus(outcome: Outcome, holds: Sequence[Visit], *, cpus: int, generators: int) -> Outcome:
    """Void a ceiling if the generator waited for the CPUs it shares with the target, and those were not full.

    In a closed loop, users the generator is late with wait while the target is busy with the others: goodput is what
    full CPUs give, less what the generator used itself. holds: the valid visits of the held level. cpus: how many CPUs
    they share.
    """
    if outcome.end is not End.FOUND or not holds:
        return outcome
    lacking = [s for s in holds if lacked_cpu(s.gen_cpu_max, s.gen_demand_max, s.law_gap)]
    if 2 * len(lacking) <= len(holds):
        return outcome
    used = [s.cpu_cores + (s.gen_cpu_max or 0.0) * generators for s in lacking if s.cpu_cores is not None]
    if used and statistics.median(used) >= FULL * cpus:
        return outcome
    seen = f"target and generator used {statistics.median(used):.2f} of {cpus}" if used else "the target is not sampled"
    reason = f"the generator waited for the CPUs it shares with the target, and it was not the target's load: {seen}"
    return dataclasses.replace(outcome, end=End.GENERATOR_LIMITED, reason=reason)


def more_by_doubling(doubled_rps: float, before_rps: Sequence[float]) -> bool:
    """Whether twice the generators gave more than every visit with as many as before."""
    return doubled_rps > MORE * max(before_rps, default=0.0)


def judge_doubling(
    outcome: Outcome, holds: Sequence[Visit], *, doubled_rps: float | None, beside_rps: float | None, how: str
) -> Outcome:
    """Void a ceiling that twice the generators raised (method.md, section 3).

    doubled_rps: what they gave at least, at the held level; None where that was not tried. beside_rps: what as many as
    before gave in between. how: how it was tried.
    """
    if outcome.end is not End.FOUND or doubled_rps is None or not holds:
        return outcome
    before = [*(hold.goodput_rps for hold in holds), *([] if beside_rps is None else [beside_rps])]
    if not more_by_doubling(doubled_rps, before):
        return outcome
    reason = f"{how} gave {doubled_rps:.1f} good answers/s instead of {max(before):.1f}"
    return dataclasses.replace(outcome, end=End.GENERATOR_LIMITED, reason=reason)
