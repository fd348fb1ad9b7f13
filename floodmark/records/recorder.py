"""Exact records of every request, per tenth of a second and request name.

One recorder per process, fed by Locust's ``request`` event, so it sees any user class. What it takes down
are sums and bucket counts only: records of several processes merge by adding.
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
    """Bin that holds ``moment``, epoch seconds."""
    return int(moment * BINS_PER_S)


class Recorder:
    """Records one process. Not thread-safe: everything runs in Locust's one loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._cells: dict[tuple[int, str], Cell] = {}
        self._gauges: dict[int, Gauges] = {}
        self.epoch = self._accrued = clock()
        self._bin = bin_of(self.epoch)  # the current one
        self._edge = (self._bin + 1) / BINS_PER_S  # where it ends
        self._crossed_at: dict[int, float] = {}  # when it was seen that a bin had ended
        self._pending_s = 0.0  # part of the integral that is not in its bin yet
        self._in_flight = 0
        self._opened = 0  # connections that are not in their bin yet
        self.sources: list[Callable[[], None]] = []
        """Called by ``gather``; each brings in what it has collected."""
        self.renewals: list[Callable[[float], float]] = []
        """Called with the edge of a bin, epoch s; each returns the seconds by which the requests it had in flight there
        were sent later, all in all, than ``enter`` and ``leave`` were told."""
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
        self._entered_s += now - self.epoch
        return now

    def leave(self, entered: float, ended: float | None = None) -> float:
        """Count a request out of flight. ended: when its answer was complete, if that was before now. Returns now."""
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
        """Requests each replaced, not counted out: sent, answered, next one sent, epoch s, of equal length."""
        overtaken = (ended * BINS_PER_S).astype(np.int64) < (again * BINS_PER_S).astype(np.int64)
        for entered, answered, seen in zip(sent[overtaken], ended[overtaken], again[overtaken], strict=True):
            self.replaced(entered, answered, seen)

    def replaced(self, entered: float, ended: float, seen: float) -> None:
        """One request, answered at ``ended`` and in flight for us until ``seen``: at edges between, it was not.

        A burst of answers on an edge would otherwise stand twice in ``Window.response_s``: as complete before it, by
        the kernel's stamp, and as in flight at it.
        """
        for index in range(bin_of(ended), bin_of(seen)):
            # An edge within the turn that saw the answer is crossed after it: there the request was never counted.
            if seen >= self._crossed_at.get(index, math.inf):
                self._gauge(index).ages_s -= (index + 1) / BINS_PER_S - entered

    def advance(self) -> None:
        """Bring the in-flight integral up to now; to be called once per bin at least while requests are renewed."""
        self._accrue()

    def opened(self, count: int = 1, at: int | None = None) -> None:
        """Count new connections, in bin ``at`` or the current one."""
        if at is None:
            self._opened += count
        elif count:
            self._gauge(at).opened += count

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
        """Bring the in-flight integral up to now, into the bins."""
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
        """One or more edges of bins were passed since the integral was last brought up."""
        self._settle_opened()
        users, since = self._in_flight, self._accrued
        last = int(now * BINS_PER_S)
        for crossed in range(self._bin, last):
            edge = (crossed + 1) / BINS_PER_S
            if users or self._pending_s:
                gauges = self._gauge(crossed)
                gauges.in_flight_s += self._pending_s + users * (edge - since)
                gauges.ages_s += users * (edge - self.epoch) - self._entered_s
                gauges.ages_s -= sum(later(edge) for later in self.renewals)
                self._pending_s = 0.0
                self._crossed_at[crossed] = now
            since = edge
        self._accrued, self._bin = since, last
        self._edge = (last + 1) / BINS_PER_S

    def _settle_opened(self) -> None:
        """What was opened since the last edge belongs to the bin that began with it."""
        if self._opened:
            self._gauge(self._bin).opened += self._opened
            self._opened = 0


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
