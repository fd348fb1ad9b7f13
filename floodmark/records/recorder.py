"""Exact records of every request, per tenth of a second and request name.

One recorder per process, fed by Locust's ``request`` event, so it sees any user class. What it takes down
are sums and bucket counts only: records of several processes merge by adding.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from floodmark.stats.histogram import bucket
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

    ages_s: summed ages of the requests in flight at the end of the bin.
    """

    __slots__ = ("ages_s", "cpu_s", "in_flight_s", "lag", "opened", "reconnects", "think_s", "thoughts", "users")

    def __init__(self) -> None:
        self.in_flight_s = 0.0
        self.ages_s = 0.0
        self.opened = 0
        self.reconnects = 0
        self.think_s = 0.0
        self.thoughts = 0
        self.cpu_s = 0.0
        self.lag: dict[int, int] = {}
        self.users = 0

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
        self._in_flight = 0
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

    def enter(self) -> float:
        """Count a request into flight; returns this moment, epoch s, for ``leave``."""
        now = self._accrue()
        self._in_flight += 1
        self._entered_s += now - self._epoch
        return now

    def leave(self, entered: float) -> None:
        """Count a request out of flight."""
        self._accrue()
        self._in_flight -= 1
        self._entered_s -= entered - self._epoch

    def opened(self) -> None:
        """Count a new connection."""
        self._gauge(bin_of(self._clock())).opened += 1

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

    def burned(self, cpu_s: float, since: float, until: float) -> None:
        """Spread this process's CPU time evenly over the bins it was burned in."""
        rate = cpu_s / max(until - since, 1e-9)
        index, last = int(since * BINS_PER_S), int(until * BINS_PER_S)
        while index < last:
            edge = (index + 1) / BINS_PER_S
            self._gauge(index).cpu_s += rate * (edge - since)
            since = edge
            index += 1
        self._gauge(index).cpu_s += rate * max(0.0, until - since)

    def populated(self, users: int) -> None:
        """Note the number of users now running."""
        self._gauge(bin_of(self._clock())).users = users

    def take(self, before: int) -> list[Record]:
        """Hand over and forget every bin before ``before``, oldest first."""
        self._accrue()
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

    def _accrue(self) -> float:
        """Bring the in-flight integral up to now."""
        now, since = self._clock(), self._accrued
        self._accrued = now
        users = self._in_flight
        if users:
            index = int(now * BINS_PER_S)
            for crossed in range(int(since * BINS_PER_S), index):
                edge = (crossed + 1) / BINS_PER_S
                gauges = self._gauge(crossed)
                gauges.in_flight_s += users * (edge - since)
                gauges.ages_s = users * (edge - self._epoch) - self._entered_s
                since = edge
            self._gauge(index).in_flight_s += users * (now - since)
        return now
