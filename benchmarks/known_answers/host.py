"""Whether the host was quiet while a case ran, by the hypervisor's own count: a witness that knows no result."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from floodmark.report.host import QUIET_STEAL
from floodmark.sampling.pressure import cpu_time


class Attempt(Protocol):
    """A row of a case measured once or more."""

    @property
    def id(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def steal(self) -> float | None: ...
    @property
    def set_aside(self) -> str: ...


Measured = TypeVar("Measured", bound=Attempt)


class Witness:
    """From its making on, the share of our CPUs that the hypervisor took; 0 on a host that has none."""

    def __init__(self) -> None:
        self._cpus = sorted(os.sched_getaffinity(0))
        self._began, self._before = time.monotonic(), self._steal_s()

    def steal(self) -> float:
        """Of all time of these CPUs."""
        span_s = max(time.monotonic() - self._began, 1e-9)
        return (self._steal_s() - self._before) / (span_s * len(self._cpus))

    def _steal_s(self) -> float:
        taken = cpu_time(self._cpus)
        return taken.steal_s if taken is not None else 0.0


def quietest(rows: Iterable[Measured]) -> list[Measured]:
    """Of each case, in the given order, the rows of the attempt with the least steal, whatever it found; of those that
    were set aside only where there is no other.
    """
    cases: dict[str, dict[int, list[Measured]]] = {}
    for row in rows:
        cases.setdefault(row.id, {}).setdefault(row.attempt, []).append(row)
    return [row for attempts in cases.values() for row in min(attempts.values(), key=_unrest)]


def _unrest(attempt: Sequence[Attempt]) -> tuple[bool, float]:
    """What no witness saw is not called quiet."""
    steal = attempt[0].steal
    return bool(attempt[0].set_aside), math.inf if steal is None else steal


def restless(rows: Sequence[Attempt], case: str) -> bool:
    """No attempt at ``case`` had a quiet host: it is to be measured (again)."""
    return all((row.steal or 0.0) > QUIET_STEAL for row in rows if row.id == case)
