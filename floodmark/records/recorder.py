"""Exact records of every request, per tenth of a second and request name.

One recorder per process, fed by Locust's ``request`` event, so it sees any user class. What it takes down
are sums and bucket counts only: records of several processes merge by adding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floodmark.stats.histogram import bucket, buckets, count
from floodmark.stats.window import ErrorKind

BIN_S = 0.1
BINS_PER_S = 10

Record = dict[str, Any]
"""Wire form of one bin: only what msgpack and JSON carry."""


class Cell:
    """Sums for one request name in one bin."""

    __slots__ = ("buckets", "error_buckets", "error_ms", "errors", "good", "good_ms", "max_ms")

    def __init__(self) -> None:
        self.good = 0
        self.good_ms = 0.0
        self.max_ms = 0.0
        self.buckets: dict[int, int] = {}
        self.errors: dict[str, int] = {}
        self.error_ms = 0.0
        self.error_buckets: dict[int, int] = {}

    def wire(self) -> Record:
        return {slot: getattr(self, slot) for slot in self.__slots__}


class Gauges:
    """Sums for one bin that belong to no request name.

    ages_s: summed ages of the requests in flight at the end of the bin. late: buckets of how long users that were
    ready, or arrivals that were due, waited to be sent. offered, sent, settled: arrivals of the open model, by
    the bin they were due in: how many there were, how many of them have been sent, and the buckets of the
    latencies of those with a good answer.
    """

    __slots__ = (
        "ages_s",
        "cpu_s",
        "in_flight_s",
        "lag",
        "late",
        "offered",
        "opened",
        "queued_s",
        "reconnects",
        "sent",
        "settled",
        "think_s",
        "thoughts",
        "users",
    )

    def __init__(self) -> None:
        self.in_flight_s = 0.0
        self.ages_s = 0.0
        self.opened = 0
        self.reconnects = 0
        self.think_s = 0.0
        self.thoughts = 0
        self.cpu_s = 0.0
        self.queued_s = 0.0
        self.lag: dict[int, int] = {}
        self.users = 0
        self.late: dict[int, int] = {}
        self.offered = 0
        self.sent = 0
        self.settled: dict[int, int] = {}

    def wire(self) -> Record:
        return {slot: getattr(self, slot) for slot in self.__slots__}


def bin_of(moment: float) -> int:
    """Bin that holds ``moment``, epoch seconds."""
    return int(moment * BINS_PER_S)


class Recorder:
    """Records one process. Not thread-safe: everything runs in Locust's one loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._cells: dict[tuple[int, str], Cell] = {}
        self._gauges: dict[int, Gauges] = {}
        self._epoch = self._accrued = clock()
        self._edge = (int(self._epoch * BINS_PER_S) + 1) / BINS_PER_S  # of the current bin
        self._pending_s = 0.0  # part of the integral that is not in its bin yet
        self._in_flight = 0
        self.sources: list[Callable[[], None]] = []
        """Called by ``gather``; each brings in what it has collected."""
        self._entered_s = 0.0  # sum of the starts of requests in flight, since the epoch

    def request(self, name: str, ended: float, ms: float, failure: ErrorKind | None) -> None:
        """Take down one response that was complete at ``ended``, epoch seconds."""
        key = (int(ended * BINS_PER_S), name)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell()
        index = bucket(ms)
        if failure is None:
            cell.good += 1
            cell.good_ms += ms
            cell.max_ms = max(cell.max_ms, ms)
            cell.buckets[index] = cell.buckets.get(index, 0) + 1
        else:
            cell.errors[failure] = cell.errors.get(failure, 0) + 1
            cell.error_ms += ms
            cell.error_buckets[index] = cell.error_buckets.get(index, 0) + 1

    def many(self, name: str, ended: NDArray[np.float64], ms: NDArray[np.float64]) -> None:
        """Take down good responses: when they were complete, epoch seconds, and their latencies, of equal length."""
        indices = buckets(ms)
        for at, here in _by_bin(ended):
            cell = self._cells.get((at, name))
            if cell is None:
                cell = self._cells[at, name] = Cell()
            mine = ms[here]
            cell.good += len(mine)
            cell.good_ms += float(mine.sum())
            cell.max_ms = max(cell.max_ms, float(mine.max()))
            _add(cell.buckets, indices[here])

    def settled(self, due: NDArray[np.float64], ms: NDArray[np.float64]) -> None:
        """Take down good responses by when their arrivals were due, epoch seconds."""
        indices = buckets(ms)
        for at, here in _by_bin(due):
            _add(self._gauge(at).settled, indices[here])

    def delayed(self, ms: NDArray[np.float64]) -> None:
        """Count how long sends waited after they could have happened."""
        _add(self._gauge(bin_of(self._clock())).late, buckets(ms))

    def offered(self, due: float) -> None:
        """Count an arrival of the open model, due at epoch seconds."""
        self._gauge(bin_of(due)).offered += 1

    def sent(self, due: float) -> None:
        """Count an arrival as sent."""
        self._gauge(bin_of(due)).sent += 1

    def enter(self) -> float:
        """Count a request into flight; returns this moment, epoch s, for ``leave``."""
        now = self._clock()
        if now >= self._edge:
            self._cross(now)
        in_flight = self._in_flight
        self._pending_s += in_flight * (now - self._accrued)
        self._accrued = now
        self._in_flight = in_flight + 1
        self._entered_s += now - self._epoch
        return now

    def leave(self, entered: float) -> None:
        """Count a request out of flight."""
        now = self._clock()
        if now >= self._edge:
            self._cross(now)
        in_flight = self._in_flight
        self._pending_s += in_flight * (now - self._accrued)
        self._accrued = now
        self._in_flight = in_flight - 1
        self._entered_s -= entered - self._epoch

    def advance(self) -> None:
        """Bring the in-flight integral up to now; to be called once per bin at least while requests are renewed."""
        self._accrue()

    def shift(self, seconds: float) -> None:
        """Requests in flight were each replaced by a new one, all in all sent ``seconds`` later."""
        self._entered_s += seconds

    def opened(self, count: int = 1, at: int | None = None) -> None:
        """Count new connections, in bin ``at`` or the current one."""
        if count:
            self._gauge(bin_of(self._clock()) if at is None else at).opened += count

    def reconnected(self) -> None:
        """Count a request sent again because the server had closed the idle connection under it."""
        self._gauge(bin_of(self._clock())).reconnects += 1

    def thought(self, seconds: float) -> None:
        """Count one think time that a user was asked to take."""
        gauges = self._gauge(bin_of(self._clock()))
        gauges.think_s += seconds
        gauges.thoughts += 1

    def lagged(self, ms: float) -> None:
        """Count one sample of how late the loop ran."""
        lag = self._gauge(bin_of(self._clock())).lag
        index = bucket(ms)
        lag[index] = lag.get(index, 0) + 1

    def burned(self, cpu_s: float, queued_s: float, since: float, until: float) -> None:
        """Spread this process's CPU time, and its wait for a CPU, evenly over the bins they fell into."""
        span_s = max(until - since, 1e-9)
        index, last = int(since * BINS_PER_S), int(until * BINS_PER_S)
        while index < last:
            edge = (index + 1) / BINS_PER_S
            self._burn(index, cpu_s, queued_s, (edge - since) / span_s)
            since = edge
            index += 1
        self._burn(index, cpu_s, queued_s, max(0.0, until - since) / span_s)

    def _burn(self, index: int, cpu_s: float, queued_s: float, share: float) -> None:
        gauges = self._gauge(index)
        gauges.cpu_s += cpu_s * share
        gauges.queued_s += queued_s * share

    def populated(self, users: int) -> None:
        """Note the number of users now running."""
        self._gauge(bin_of(self._clock())).users = users

    def gather(self) -> None:
        """Bring in what others have collected."""
        for source in self.sources:
            source()

    def take(self, before: int) -> list[Record]:
        """Hand over and forget every bin before ``before``, oldest first."""
        self._accrue()
        self.gather()
        ready = sorted({index for index, _ in self._cells if index < before} | {i for i in self._gauges if i < before})
        records = []
        for index in ready:
            names = {name: self._cells.pop((index, name)).wire() for i, name in list(self._cells) if i == index}
            gauges = self._gauges.pop(index, None)
            records.append({"bin": index, "names": names, "gauges": gauges.wire() if gauges else None})
        return records

    def _gauge(self, index: int) -> Gauges:
        gauges = self._gauges.get(index)
        if gauges is None:
            gauges = self._gauges[index] = Gauges()
        return gauges

    def _accrue(self) -> None:
        """Bring the in-flight integral up to now, into the bins."""
        now = self._clock()
        if now >= self._edge:
            self._cross(now)
        pending_s = self._pending_s + self._in_flight * (now - self._accrued)
        if pending_s:
            self._gauge(int(now * BINS_PER_S)).in_flight_s += pending_s
        self._pending_s = 0.0
        self._accrued = now

    def _cross(self, now: float) -> None:
        """One or more edges of bins were passed since the integral was last brought up."""
        users, since = self._in_flight, self._accrued
        last = int(now * BINS_PER_S)
        for crossed in range(int(since * BINS_PER_S), last):
            edge = (crossed + 1) / BINS_PER_S
            if users or self._pending_s:
                gauges = self._gauge(crossed)
                gauges.in_flight_s += self._pending_s + users * (edge - since)
                gauges.ages_s = users * (edge - self._epoch) - self._entered_s
                self._pending_s = 0.0
            since = edge
        self._accrued = since
        self._edge = (last + 1) / BINS_PER_S


def _add(counts: dict[int, int], indices: NDArray[np.int64]) -> None:
    for index, many in count(indices).items():
        counts[index] = counts.get(index, 0) + many


def _by_bin(moments: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.bool_] | slice]]:
    """Each bin that holds some of ``moments``, epoch seconds, and which of them."""
    bins = (moments * BINS_PER_S).astype(np.int64)
    first, last = int(bins.min()), int(bins.max())
    if first == last:
        yield first, slice(None)
        return
    for at in range(first, last + 1):
        here = bins == at
        if here.any():
            yield at, here
