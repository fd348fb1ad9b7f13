"""The records of all processes, merged by time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from floodmark.records.recorder import BIN_S, BINS_PER_S
from floodmark.records.sums import Record
from floodmark.stats.histogram import Histogram
from floodmark.stats.window import ErrorKind, Window


@dataclass(slots=True)
class Bin:
    """A tenth of a second, summed over all processes and request names."""

    good: int = 0
    good_ms: float = 0.0
    max_ms: float = 0.0
    histogram: Histogram = field(default_factory=Histogram)
    errors: dict[ErrorKind, int] = field(default_factory=dict)
    error_ms: float = 0.0
    error_histogram: Histogram = field(default_factory=Histogram)
    in_flight_s: float = 0.0
    ages_s: float = 0.0
    opened: int = 0
    reconnects: int = 0
    think_s: float = 0.0
    thoughts: int = 0
    paused_s: float = 0.0
    pauses: int = 0
    users: dict[str, int] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    queued_s: dict[str, float] = field(default_factory=dict)
    lag: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)
    offered: int = 0
    sent: int = 0
    settled: Histogram = field(default_factory=Histogram)

    def add(self, process: str, record: Record) -> None:
        """Add a process's record of this bin."""
        for cell in record["names"].values():
            self.good += cell["good"]
            self.good_ms += cell["good_ms"]
            self.max_ms = max(self.max_ms, cell["max_ms"])
            self.histogram.merge(_counts(cell["buckets"]))
            for kind, count in cell["errors"].items():
                self.errors[ErrorKind(kind)] = self.errors.get(ErrorKind(kind), 0) + count
            self.error_ms += cell["error_ms"]
            self.error_histogram.merge(_counts(cell["error_buckets"]))
        gauges = record["gauges"]
        if gauges is None:
            return
        self.in_flight_s += gauges["in_flight_s"]
        self.ages_s += gauges["ages_s"]
        self.opened += gauges["opened"]
        self.reconnects += gauges["reconnects"]
        self.think_s += gauges["think_s"]
        self.thoughts += gauges["thoughts"]
        self.paused_s += gauges["paused_s"]
        self.pauses += gauges["pauses"]
        # A late record of a bin that was reported before has no number of users.
        self.users[process] = max(gauges["users"], self.users.get(process, 0))
        self.cpu_s[process] = self.cpu_s.get(process, 0.0) + gauges["cpu_s"]
        self.queued_s[process] = self.queued_s.get(process, 0.0) + gauges["queued_s"]
        self.lag.merge(_counts(gauges["lag"]))
        self.late.merge(_counts(gauges["late"]))
        self.offered += gauges["offered"]
        self.sent += gauges["sent"]
        self.settled.merge(_counts(gauges["settled"]))


def _counts(wire: dict[int, int]) -> dict[int, int]:
    return {int(index): count for index, count in wire.items()}


class Timeline:
    """Bins by index since the epoch, from which windows are cut."""

    def __init__(self) -> None:
        self._bins: dict[int, Bin] = {}
        self._reported: dict[str, int] = {}

    def add(self, process: str, until: int, records: Iterable[Record]) -> None:
        """Merge what ``process`` recorded before bin ``until``."""
        for record in records:
            slot = self._bins.get(record["bin"])
            if slot is None:
                slot = self._bins[record["bin"]] = Bin()
            slot.add(process, record)
        self._reported[process] = max(until, self._reported.get(process, until))

    @property
    def processes(self) -> set[str]:
        """The processes that have reported."""
        return set(self._reported)

    @property
    def complete_until(self) -> int:
        """The first bin that some process has not reported yet."""
        return min(self._reported.values(), default=0)

    def window(self, first: int, last: int, origin: float) -> Window:
        """The sums over bins ``first`` to ``last - 1``, with times relative to ``origin`` (epoch seconds)."""
        bins = [self._bins.get(index, _EMPTY) for index in range(first, last)]
        histogram, errors, lag, late, settled = (Histogram() for _ in range(5))
        kinds: dict[ErrorKind, int] = {}
        cpu: dict[str, float] = {}
        queued: dict[str, float] = {}
        for part in bins:
            histogram.merge(part.histogram)
            errors.merge(part.error_histogram)
            lag.merge(part.lag)
            late.merge(part.late)
            settled.merge(part.settled)
            for kind, count in part.errors.items():
                kinds[kind] = kinds.get(kind, 0) + count
            for process, seconds in part.cpu_s.items():
                cpu[process] = cpu.get(process, 0.0) + seconds
            for process, seconds in part.queued_s.items():
                queued[process] = queued.get(process, 0.0) + seconds
        span = max(1, last - first) * BIN_S
        return Window(
            start_s=first / BINS_PER_S - origin,
            end_s=last / BINS_PER_S - origin,
            good_per_bin=[part.good for part in bins],
            answers_per_bin=[part.good + sum(part.errors.values()) for part in bins],
            ms_per_bin=[part.good_ms + part.error_ms for part in bins],
            errors=kinds,
            good_ms=sum(part.good_ms for part in bins),
            all_ms=sum(part.good_ms + part.error_ms for part in bins),
            max_ms=max((part.max_ms for part in bins), default=0.0),
            histogram=histogram,
            error_histogram=errors,
            in_flight_s=sum(part.in_flight_s for part in bins),
            ages_before_s=self._bins.get(first - 1, _EMPTY).ages_s,
            ages_after_s=self._bins.get(last - 1, _EMPTY).ages_s,
            connections_opened=sum(part.opened for part in bins),
            reconnects=sum(part.reconnects for part in bins),
            think_s=sum(part.think_s for part in bins),
            thoughts=sum(part.thoughts for part in bins),
            paused_s=sum(part.paused_s for part in bins),
            pauses=sum(part.pauses for part in bins),
            cpu_cores={process: seconds / span for process, seconds in cpu.items()},
            queued_cores={process: seconds / span for process, seconds in queued.items()},
            lag=lag,
            late=late,
            offered=sum(part.offered for part in bins),
            sent=sum(part.sent for part in bins),
            settled=settled,
        )

    def users(self, first: int, last: int) -> int:
        """The most users that ran at once in a window."""
        return max((sum(self._bins[i].users.values()) for i in range(first, last) if i in self._bins), default=0)

    def prune(self, before: int) -> None:
        """Forget the bins before ``before``, which no later window needs."""
        for index in [index for index in self._bins if index < before]:
            del self._bins[index]


_EMPTY = Bin()
