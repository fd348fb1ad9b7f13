"""A known answer as data: target, load, and what must be found, within which bar."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.known_answers.bars import AtMost, Bar, Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.evidence import Evidence, Value
from benchmarks.known_answers.servers import Behind, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One metric against its truth.

    truth: from the evidence, since the server's own overhead belongs to it. missing: said where floodmark has no such
    metric.
    """

    metric: str
    truth: Callable[[Evidence], Value]
    bar: Bar
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row, or a few, of the table of known answers.

    measure: how evidence is gathered; about_s: how long that takes. arguments: of ``floodmark run``. needs_cpus,
    needs: where it cannot be measured without; needs says what is lacking. needs_pace: whether the CPU's speed matters.
    """

    id: str
    claim: str
    about_s: float
    checks: tuple[Check, ...]
    measure: Callable[[Bench, Case], Evidence]
    target: Server | Behind | None = None
    arguments: tuple[str, ...] = ()
    needs_cpus: int = 2
    needs_pace: bool = False
    needs: Callable[[], str | None] | None = None


def widened(case: Case, factor: float) -> Case:
    """For hosts that others load too: wider bars, and none on time."""
    checks = [
        dataclasses.replace(check, bar=check.bar.wider(factor)) if isinstance(check.bar, Within) else check
        for check in case.checks
        if not isinstance(check.bar, AtMost)
    ]
    return dataclasses.replace(case, checks=tuple(checks))
