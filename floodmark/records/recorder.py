"""The recorder of a generator process: exact sums per tenth of a second and request name.

Each process has one recorder, fed by Locust's ``request`` event, so it works with any user class. It keeps only sums
and bucket counts, so that records of several processes merge by adding.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from floodmark.records.sums import Cell, Gauges, Record
from floodmark.stats.histogram import bucket, buckets, count
from floodmark.stats.window import ErrorKind

BIN_S = 0.1
BINS_PER_S = 10


def bin_of(moment: float) -> int:
    """The bin that contains ``moment``, in epoch seconds."""
    return int(moment * BINS_PER_S)


class Recorder:
    """Records the requests of one process. Not thread-safe: everything runs in Locust's event loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._cells: dict[tuple[int, str], Cell] = {}
        self._gauges: dict[int, Gauges] = {}
        self.epoch = self._accrued = clock()
        self._bin = bin_of(self.epoch)  # the current bin
        self._edge = (self._bin + 1) / BINS_PER_S  # where the current bin ends
        self._crossed_at: dict[int, float] = {}  # when the end of each bin was noticed
        self._pending_s = 0.0  # part of the in-flight integral not yet added to its bin
        self._in_flight = 0
        self._opened = 0  # connections not yet added to their bin
        self.sources: list[Callable[[], None]] = []
        """Called by ``gather``; each adds what it has collected."""
        self.renewals: list[Callable[[float], float]] = []
        """Called with the edge of a bin, in epoch seconds. Each returns by how many seconds, in total, its requests in
        flight at that edge were sent later than ``enter`` recorded."""
        self._entered_s = 0.0  # sum of the start times of requests in flight, relative to the epoch

    def request(self, name: str, ended: float, ms: float, failure: ErrorKind | None) -> None:
        """Record a response that was complete at ``ended``, in epoch seconds."""
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
        """Record good responses: when they were complete, in epoch seconds, and their latencies, of equal length."""
        indices = buckets(ms)
        for index, inside in _by_bin(ended):
            cell = self._cells.get((index, name))
            if cell is None:
                cell = self._cells[index, name] = Cell()
            latencies = ms[inside]
            cell.good += len(latencies)
            cell.good_ms += float(latencies.sum())
            cell.max_ms = max(cell.max_ms, float(latencies.max()))
            _add(cell.buckets, indices[inside])

    def settled(self, due: NDArray[np.float64], ms: NDArray[np.float64]) -> None:
        """Record good responses of the open model by when their arrivals were due, in epoch seconds."""
        indices = buckets(ms)
        for index, inside in _by_bin(due):
            _add(self._gauge(index).settled, indices[inside])

    def delayed(self, ms: NDArray[np.float64]) -> None:
        """Record how long requests that were ready waited to be sent."""
        _add(self._gauge(bin_of(self._clock())).late, buckets(ms))

    def offered(self, due: float) -> None:
        """Count an arrival of the open model, due at ``due`` in epoch seconds."""
        self._gauge(bin_of(due)).offered += 1

    def sent(self, due: float) -> None:
        """Count an arrival as sent."""
        self._gauge(bin_of(due)).sent += 1

    def enter(self) -> float:
        """Count a request as in flight from now on. Returns now, in epoch seconds, to be passed to ``leave``."""
        now = self._clock()
        if now >= self._edge:
            self._cross(now)
        in_flight = self._in_flight
        self._pending_s += in_flight * (now - self._accrued)
        self._accrued = now
        self._in_flight = in_flight + 1
        self._entered_s += now - self.epoch
        return now

    def leave(self, entered: float, ended: float | None = None) -> float:
        """Count a request as no longer in flight. Its answer was complete at ``ended``, by default now. Returns now."""
        now = self._clock()
        if now >= self._edge:
            self._cross(now)
        in_flight = self._in_flight
        self._pending_s += in_flight * (now - self._accrued)
        self._accrued = now
        self._in_flight = in_flight - 1
        self._entered_s -= entered - self.epoch
        if ended is not None and ended < self._edge - BIN_S:
            self.replaced(entered, ended, now)
        return now

    def renewed(self, sent: NDArray[np.float64], ended: NDArray[np.float64], again: NDArray[np.float64]) -> None:
        """Record requests that were each replaced by the next one without ``leave`` and ``enter``.

        ``sent``, ``ended`` and ``again`` have equal length: when each was sent, when it was answered, and when the next
        one was sent, in epoch seconds.
        """
        overtaken = (ended * BINS_PER_S).astype(np.int64) < (again * BINS_PER_S).astype(np.int64)
        for entered, answered, next_sent in zip(sent[overtaken], ended[overtaken], again[overtaken], strict=True):
            self.replaced(entered, answered, next_sent)

    def replaced(self, entered: float, ended: float, seen: float) -> None:
        """Correct the ages at bin edges for a request that was answered at ``ended`` but noticed only at ``seen``.

        At edges in between it was no longer in flight. Otherwise a burst of answers at an edge would count twice in
        ``Window.response_s``: as complete before the edge, by the kernel's timestamp, and as in flight at the edge.
        """
        for index in range(bin_of(ended), bin_of(seen)):
            # An edge inside the loop turn that read the answer is crossed later, when the request is gone already.
            if seen >= self._crossed_at.get(index, math.inf):
                self._gauge(index).ages_s -= (index + 1) / BINS_PER_S - entered

    def advance(self) -> None:
        """Bring the in-flight integral up to now. Must be called at least once per bin while requests are renewed."""
        self._accrue()

    def opened(self, count: int = 1, at: int | None = None) -> None:
        """Count new connections in bin ``at``, by default the current one."""
        if at is None:
            self._opened += count
        elif count:
            self._gauge(at).opened += count

    def reconnected(self) -> None:
        """Count a request that was sent again because the server had closed its idle connection."""
        self._gauge(bin_of(self._clock())).reconnects += 1

    def thought(self, seconds: float) -> None:
        """Record a think time that a user was asked to take."""
        gauges = self._gauge(bin_of(self._clock()))
        gauges.think_s += seconds
        gauges.thoughts += 1

    def paused(self, seconds: float) -> None:
        """Record a pause that a user takes after an error."""
        gauges = self._gauge(bin_of(self._clock()))
        gauges.paused_s += seconds
        gauges.pauses += 1

    def lagged(self, ms: float) -> None:
        """Record a sample of how late the event loop ran."""
        lag = self._gauge(bin_of(self._clock())).lag
        index = bucket(ms)
        lag[index] = lag.get(index, 0) + 1

    def burned(self, cpu_s: float, queued_s: float, since: float, until: float) -> None:
        """Spread this process's CPU time, and its time waiting for a CPU, evenly over the bins of an interval."""
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
        """Record the number of users running now."""
        self._gauge(bin_of(self._clock())).users = users

    def gather(self) -> None:
        """Let all sources add what they have collected."""
        for source in self.sources:
            source()

    def take(self, before: int) -> list[Record]:
        """Return and forget all bins before ``before``, oldest first."""
        self._accrue()
        self.gather()
        self._crossed_at = {index: at for index, at in self._crossed_at.items() if index >= before - 1}
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
        """Bring the in-flight integral up to now, and add it to the bins."""
        now = self._clock()
        if now >= self._edge:
            self._cross(now)
        self._settle_opened()
        pending_s = self._pending_s + self._in_flight * (now - self._accrued)
        if pending_s:
            self._gauge(int(now * BINS_PER_S)).in_flight_s += pending_s
        self._pending_s = 0.0
        self._accrued = now

    def _cross(self, now: float) -> None:
        """Close all bins that have ended since the integral was last brought up to date."""
        self._settle_opened()
        in_flight, since = self._in_flight, self._accrued
        last = int(now * BINS_PER_S)
        for crossed in range(self._bin, last):
            edge = (crossed + 1) / BINS_PER_S
            if in_flight or self._pending_s:
                gauges = self._gauge(crossed)
                gauges.in_flight_s += self._pending_s + in_flight * (edge - since)
                gauges.ages_s += in_flight * (edge - self.epoch) - self._entered_s
                gauges.ages_s -= sum(delay(edge) for delay in self.renewals)
                self._pending_s = 0.0
                self._crossed_at[crossed] = now
            since = edge
        self._accrued, self._bin = since, last
        self._edge = (last + 1) / BINS_PER_S

    def _settle_opened(self) -> None:
        """Add the connections opened since the last edge to the bin that began there."""
        if self._opened:
            self._gauge(self._bin).opened += self._opened
            self._opened = 0


def _add(counts: dict[int, int], indices: NDArray[np.int64]) -> None:
    for index, occurrences in count(indices).items():
        counts[index] = counts.get(index, 0) + occurrences


def _by_bin(moments: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.bool_] | slice]]:
    """Each bin that contains some of ``moments`` (epoch seconds), with a mask or slice that selects them."""
    bins = (moments * BINS_PER_S).astype(np.int64)
    first, last = int(bins.min()), int(bins.max())
    if first == last:
        yield first, slice(None)
        return
    for index in range(first, last + 1):
        inside = bins == index
        if inside.any():
            yield index, inside
