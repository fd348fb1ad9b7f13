"""Follows where the requests of a wave are: inside the app, waiting in the server, or in the kernel."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from floodmark.sampling.accept_queue import accept_queue
from target_apps.ledger import LedgerReader

EVERY_S = 0.002
KERNEL_EVERY = 5
"""The accept queue is read only every so many times, because /proc/net/tcp lists every socket of the host."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A sample of a wave."""

    outstanding: int
    by_process: dict[int, int]
    """Requests inside the app, by pid as the app sees it."""
    in_kernel: int

    @property
    def in_app(self) -> int:
        return sum(self.by_process.values())

    @property
    def in_server(self) -> int:
        """Requests that are accepted and wait for a slot."""
        return max(0, self.outstanding - self.in_app - self.in_kernel)


NOTHING = Moment(0, {}, 0)


class HasOutstanding(Protocol):
    """Anything that knows the number of requests in flight."""

    @property
    def outstanding(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedWave:
    """What was observed during a wave."""

    max_inflight: int
    mean_inflight: float
    """Time average inside the app, from the probe's own integral."""
    per_process: tuple[int, ...]
    """Requests inside each process when the most were inside the app."""
    fullest: Moment
    """Among the samples with the most requests outstanding and inside the app, that with the median accept queue."""


class Watch:
    """Watches a wave from ``start`` to ``stop``."""

    def __init__(self, ledger: Path, port: int, crowd: HasOutstanding) -> None:
        self._reader = LedgerReader(ledger, lives=lambda _: True)
        self._port = port
        self._crowd = crowd
        self._moments: list[Moment] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._begun = 0.0
        self._integral_s = 0.0

    def start(self) -> None:
        self._begun = time.monotonic()
        self._integral_s = self._busy_s()
        self._thread.start()

    def stop(self) -> WatchedWave:
        """Stop watching, and return what was observed."""
        self._over.set()
        self._thread.join()
        seconds = time.monotonic() - self._begun
        integral_s = self._busy_s() - self._integral_s
        self._reader.close()
        return summarise(self._moments, integral_s / seconds)

    def _busy_s(self) -> float:
        return sum(count.in_flight_s for count in self._reader.counts())

    def _run(self) -> None:
        in_kernel, turn = 0, 0
        while not self._over.wait(EVERY_S):
            by_process = {count.pid: count.in_flight for count in self._reader.counts() if count.in_flight}
            if turn % KERNEL_EVERY == 0:
                in_kernel = accept_queue(self._port) or 0
            turn += 1
            self._moments.append(Moment(self._crowd.outstanding, by_process, in_kernel))


def summarise(moments: Sequence[Moment], mean_inflight: float) -> WatchedWave:
    """Summarise the samples of a wave."""
    most = max(moments, key=lambda m: m.in_app, default=NOTHING)
    return WatchedWave(
        max_inflight=most.in_app,
        mean_inflight=mean_inflight,
        per_process=tuple(sorted(most.by_process.values(), reverse=True)),
        fullest=_fullest(moments),
    )


def _fullest(moments: Sequence[Moment]) -> Moment:
    """The median one, because in the first the server was just about to accept some, and the count may be older."""
    most = max(((m.outstanding, m.in_app) for m in moments), default=None)
    full = sorted((m for m in moments if (m.outstanding, m.in_app) == most), key=lambda m: m.in_kernel)
    return full[(len(full) - 1) // 2] if full else NOTHING
