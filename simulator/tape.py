"""Requests taken down as they are served, and windows cut from them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from floodmark.stats.histogram import Histogram, buckets, count
from floodmark.stats.window import ErrorKind, Window

BIN_S = 0.1
GOOD = -1
KINDS = tuple(ErrorKind)

Times = NDArray[np.float64]


class Tape:
    """Every request whose end is known, also where that is still to come.

    arrived: when it was sent, or due in the open model; done: when its answer comes; pause: the think time after it,
    all in s; kind: GOOD, or which of KINDS.
    """

    __slots__ = ("arrived", "done", "kind", "pause")

    def __init__(self) -> None:
        self.arrived, self.done, self.pause, self.kind = array("d"), array("d"), array("d"), array("b")

    def forget(self, before: float) -> None:
        """Drop what was done before a moment. In place: the server keeps hold of the arrays."""
        keep = np.array(self.done) >= before
        for column in (self.arrived, self.done, self.pause, self.kind):
            column[:] = array(column.typecode, np.array(column)[keep].tobytes())

    def good_per_bin(self, start: float, end: float) -> list[int]:
        """Good answers per BIN_S of ``[start, end)``."""
        done = np.array(self.done)[np.array(self.kind) == GOOD]
        bins = max(1, round((end - start) / BIN_S))
        inside = done[(done >= start) & (done < end)]
        index = np.minimum(((inside - start) / BIN_S).astype(np.int64), bins - 1)
        counts: list[int] = np.bincount(index, minlength=bins).tolist()
        return counts

    def window(
        self,
        start: float,
        end: float,
        waiting: Collection[float],
        *,
        generator_cpu: float = 0.0,
        due: Due | None = None,
    ) -> Window:
        """Sums over ``[start, end)``.

        waiting: when the requests that are not yet in service were sent. generator_cpu: CPU per answer, s. due: in
        the open model, what became of the arrivals.
        """
        arrived, done, kind = np.array(self.arrived), np.array(self.done), np.array(self.kind)
        inside = (done >= start) & (done < end)
        good = inside & (kind == GOOD)
        ms = 1000 * (done - arrived)
        failed = np.bincount(kind[inside & ~good], minlength=len(KINDS)).tolist()
        bins = max(1, round((end - start) / BIN_S))
        index = np.minimum(((done[inside] - start) / BIN_S).astype(np.int64), bins - 1)
        queued = np.fromiter(waiting, np.float64, len(waiting))
        begun = np.concatenate((arrived, queued))
        ended = np.concatenate((done, np.full(len(queued), math.inf)))
        return Window(
            start_s=start,
            end_s=end,
            good_per_bin=self.good_per_bin(start, end),
            answers_per_bin=np.bincount(index, minlength=bins).tolist(),
            ms_per_bin=np.bincount(index, ms[inside], minlength=bins).tolist(),
            errors={kind: number for kind, number in zip(KINDS, failed, strict=True) if number},
            good_ms=float(ms[good].sum()),
            all_ms=float(ms[inside].sum()),
            max_ms=float(ms[good].max(initial=0.0)),
            histogram=_histogram(ms[good]),
            error_histogram=_histogram(ms[inside & ~good]),
            in_flight_s=_overlap(begun, ended, start, end) if due is None else due.in_flight_s,
            ages_before_s=_ages(begun, ended, start),
            ages_after_s=_ages(begun, ended, end),
            connections_opened=None,
            think_s=float(np.array(self.pause)[inside].sum()),
            thoughts=int(inside.sum()),
            cpu_cores={"simulated": generator_cpu * int(inside.sum()) / (end - start)},
            late=due.late if due is not None else Histogram(),
            offered=due.offered if due is not None else 0,
            sent=due.sent if due is not None else 0,
            settled=due.settled if due is not None else Histogram(),
        )

    def due(self, start: float, end: float, now: float, connections: int, waiting: Collection[float]) -> Due:
        """Open model: the arrivals due in ``[start, end)``, as known at ``now``, a little later."""
        arrived, done = np.array(self.arrived), np.array(self.done)
        kept = (arrived >= start) & (arrived < end) & (done <= now) & (np.array(self.kind) == GOOD)
        every = np.sort(np.concatenate((arrived, np.fromiter(waiting, np.float64, len(waiting)))))
        over = np.sort(done)
        # First come, first served: the i-th arrival gets the connection that the (i - connections)-th answer freed.
        freed = np.concatenate((np.full(connections, -math.inf), over, np.full(len(every), math.inf)))
        sent = np.maximum(every, freed[: len(every)])
        mine = (every >= start) & (every < end) & (sent <= now)
        return Due(
            offered=int(((every >= start) & (every < end)).sum()),
            sent=int(mine.sum()),
            settled=_histogram(1000 * (done - arrived)[kept]),
            late=_histogram(1000 * (sent - every)[mine]),
            in_flight_s=_until(sent, start, end) - _until(over, start, end),
        )


class Due:
    """What became of arrivals. offered, sent, settled, late, in_flight_s: as in Window."""

    __slots__ = ("in_flight_s", "late", "offered", "sent", "settled")

    def __init__(self, *, offered: int, sent: int, settled: Histogram, late: Histogram, in_flight_s: float) -> None:
        self.offered, self.sent, self.in_flight_s = offered, sent, in_flight_s
        self.settled, self.late = settled, late


def _histogram(ms: Times) -> Histogram:
    return Histogram(count(buckets(ms)) if len(ms) else None)


def _overlap(begun: Times, ended: Times, start: float, end: float) -> float:
    return float(np.clip(np.minimum(ended, end) - np.maximum(begun, start), 0, None).sum())


def _until(times: Times, start: float, end: float) -> float:
    """Summed time from each moment, or the start, to the end, s."""
    return float(np.clip(end - np.maximum(times, start), 0, None).sum())


def _ages(begun: Times, ended: Times, at: float) -> float:
    """Summed ages of the requests in flight at a moment, s."""
    flying = (begun < at) & (ended >= at)
    return float((at - begun[flying]).sum())
