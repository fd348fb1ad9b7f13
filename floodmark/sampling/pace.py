"""The pace of the target's CPUs: how long a fixed piece of work takes on them, a few times a second.

The clock of a virtual machine's or a laptop's CPU changes, and a neighbour on the other half of a core slows it by up
to two thirds; no counter of the kernel tells. The piece is timed in CPU time of its own thread, so that waiting for the
CPU is no part of it: a busy target does not look like a slow CPU.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence

PIECE, WARM_PIECE = 16_000, 4_000
"""Turns of an empty loop: a quarter of a millisecond. The first part loads the caches and is not timed."""
EVERY_S = 0.25
LEAST_PIECES = 2
FASTEST = 0.1


class PaceWitness:
    """Times pieces of work on ``cpus`` in turn, in a thread of its own, from ``start`` to ``stop``.

    It costs about 0.15 % of one CPU (benchmarks/sampling.py).
    """

    def __init__(self, cpus: Sequence[int]) -> None:
        self._cpus = tuple(cpus)
        self._times: list[float] = []
        self._pieces_s: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pace", daemon=True)
        self.missing = "" if self._cpus else "the target's CPUs are not on this host"
        """Why there are no pieces; empty if there are."""

    def start(self) -> None:
        if not self.missing:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def fastest_s(self) -> float | None:
        """The time of a piece that one in ten beats; None without pieces."""
        return fastest_s(list(self._pieces_s))

    @property
    def mean_s(self) -> float | None:
        """The mean time of all pieces; None without pieces."""
        return statistics.fmean(self._pieces_s) if self._pieces_s else None

    def pace(self, start: float, end: float, fastest_s: float) -> float | None:
        """The mean speed in ``[start, end)``, epoch seconds, where a piece of ``fastest_s`` has speed 1.

        None with too few pieces. Work done in a time is proportional to the mean speed, not to that of a mean piece.
        """
        first, last = bisect_left(self._times, start), bisect_left(self._times, end)
        pieces = self._pieces_s[first:last]
        return statistics.fmean(fastest_s / piece_s for piece_s in pieces) if len(pieces) >= LEAST_PIECES else None

    def _run(self) -> None:
        turn = 0
        while not self._stop.wait(EVERY_S):
            try:
                os.sched_setaffinity(0, {self._cpus[turn % len(self._cpus)]})  # of this thread
            except (OSError, AttributeError) as error:
                self.missing = f"no permission to run on the target's CPUs: {error}"
                return
            turn += 1
            piece_s = timed_piece_s()
            self._pieces_s.append(piece_s)
            self._times.append(time.time())


def fastest_s(pieces_s: Sequence[float]) -> float | None:
    """The time that one piece in ten beats; None without pieces."""
    return sorted(pieces_s)[int(FASTEST * len(pieces_s))] if pieces_s else None


def timed_piece_s() -> float:
    """The CPU time of one piece."""
    _work(WARM_PIECE)
    began = time.thread_time()
    _work(PIECE)
    return time.thread_time() - began


def _work(turns: int) -> None:
    for _ in range(turns):
        pass
