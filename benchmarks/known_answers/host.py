"""Whether the host was quiet while a case ran, by the hypervisor's own count: a witness that knows no result."""

from __future__ import annotations

import math
import os
import statistics
import threading
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Protocol, Self, TypeVar

from floodmark.report.terminal import QUIET_STEAL
from floodmark.sampling.pressure import cpu_time

QUIET_SLOWDOWN = 0.15
"""As far off as a knee of one request in flight may be."""
PIECE, WARM_PIECE, PIECE_EVERY_S = 100_000, 20_000, 1.0


class Attempt(Protocol):
    """A row of a case measured once or more."""

    @property
    def id(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def steal(self) -> float | None: ...
    @property
    def slowdown(self) -> float | None: ...
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


class Pace:
    """How fast one of our CPUs is, once a second from entering the block to its end. A neighbour on the other half of
    its core makes it slower by two thirds, and no steal tells of that.
    """

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu
        self._pieces_s: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def slowdown(self) -> float | None:
        """As the function of that name."""
        return slowdown(self._pieces_s)

    def _run(self) -> None:
        os.sched_setaffinity(0, {self._cpu})  # of this thread
        while not self._over.wait(PIECE_EVERY_S):
            _piece_s(WARM_PIECE)  # after a second's sleep nothing of it is in the caches
            self._pieces_s.append(_piece_s(PIECE))


def _piece_s(rounds: int) -> float:
    """CPU time of a fixed piece of work; to wait for the CPU is no part of it."""
    began = time.thread_time()
    for _ in range(rounds):
        pass
    return time.thread_time() - began


def slowdown(pieces_s: Sequence[float]) -> float | None:
    """How much longer the same work took on average than in its fastest tenth; None for fewer than ten pieces."""
    if len(pieces_s) < 10:
        return None
    return statistics.fmean(pieces_s) / statistics.quantiles(pieces_s, n=10)[0] - 1


def quietest(rows: Iterable[Measured]) -> list[Measured]:
    """Of each case, in the given order, the rows of the attempt with the least unrest, whatever it found; of those that
    were set aside only where there is no other.
    """
    cases: dict[str, dict[int, list[Measured]]] = {}
    for row in rows:
        cases.setdefault(row.id, {}).setdefault(row.attempt, []).append(row)
    return [row for attempts in cases.values() for row in min(attempts.values(), key=_rank)]


def _rank(attempt: Sequence[Attempt]) -> tuple[bool, float]:
    return bool(attempt[0].set_aside), _unrest(attempt[0])


def _unrest(row: Attempt) -> float:
    """Steal and, where it matters, slowdown, as shares of what is still quiet: the greater one. What no witness saw is
    not called quiet.
    """
    if row.steal is None:
        return math.inf
    return max(row.steal / QUIET_STEAL, (row.slowdown or 0.0) / QUIET_SLOWDOWN)


def restless(rows: Sequence[Attempt], case: str) -> bool:
    """No attempt at ``case`` had a quiet host: it is to be measured (again)."""
    return all(row.steal is not None and _unrest(row) > 1 for row in rows if row.id == case)
