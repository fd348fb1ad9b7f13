"""Good answers to one request, recorded as bare numbers and folded into records many at a time.

Locust's own bookkeeping costs 2 to 4 us per request, a third of what the request itself costs; appending three
numbers and folding a tenth of a second at once with NumPy costs a tenth of that.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from locust import stats as locust_stats
from locust.stats import RequestStats, StatsEntry
from numpy.typing import NDArray

from floodmark.load.answer import NO_ANSWER, Answer
from floodmark.records.recorder import Recorder
from floodmark.stats.histogram import count

_default_rounding = locust_stats.bucket_response_time


class Tally:
    """Good answers to one request since the last fold. Times are in epoch s."""

    __slots__ = (
        "_counted",
        "again",
        "body_bytes",
        "ended",
        "known",
        "late_s",
        "method",
        "name",
        "sent",
        "stamps",
        "started",
    )

    def __init__(self, method: str, name: str) -> None:
        self.method = method
        self.name = name
        self.known = NO_ANSWER
        """The last answer that was found good and came in one piece. One with the same bytes is as good."""

        # Of each repetition of the known answer whose user went on at once:
        self.sent = array("d")
        """When its request was sent."""
        self.stamps = bytearray()
        """The kernel's receive stamp, as it came."""
        self.again = array("d")
        """When the next request was sent."""

        # Of every other answer:
        self.started = array("d")
        """Where its latency counts from."""
        self.ended = array("d")
        """When it was complete."""
        self.late_s = array("d")
        """How much later than they could have requests left, in s."""
        self.body_bytes = 0
        """Sum over the bodies of all."""
        self._counted = 0  # repetitions whose bodies are in that sum

    def learn(self, answer: Answer) -> None:
        """Know this answer from now on."""
        self._count_bodies()
        self.known = answer

    def _count_bodies(self) -> None:
        repeated = len(self.sent)
        self.body_bytes += (repeated - self._counted) * self.known.size
        self._counted = repeated

    def fold(self, recorder: Recorder, stats: RequestStats | None, *, by_arrival: bool) -> None:
        """Hand everything to our records and, where there are any, Locust's; start anew.

        by_arrival: ``started`` are the times at which arrivals of the open model were due.
        """
        self._count_bodies()
        self._counted = 0
        stamped = np.frombuffer(bytes(self.stamps), dtype=np.int64).reshape(-1, 2)
        self.stamps.clear()
        received = stamped[:, 0] + stamped[:, 1] * 1e-9
        sent, again = _take(self.sent), _take(self.again)
        recorder.renewed(sent, received, again)
        late_s = np.concatenate([again - received, _take(self.late_s)])
        started = np.concatenate([sent, _take(self.started)])
        ended = np.concatenate([received, _take(self.ended)])
        if len(late_s):
            recorder.delayed(late_s * 1000)
        if not len(ended):
            return
        ms = np.maximum(ended - started, 0.0) * 1000
        recorder.many(self.name, ended, ms)
        if by_arrival:
            recorder.settled(started, ms)
        if stats is not None:
            rounded = _round_as_locust(ms)
            seconds = count(ended.astype(np.int64))
            for entry in (stats.total, stats.entries[self.name, self.method]):
                _log(entry, ms, rounded, seconds, self.body_bytes)
        self.body_bytes = 0


def _take(values: array[float]) -> NDArray[np.float64]:
    taken = np.array(values, dtype=np.float64)
    del values[:]
    return taken


def _round_as_locust(ms: NDArray[np.float64]) -> dict[int, int]:
    """Counts by Locust's rounded response time; a replaced rounding is respected."""
    rounding: Callable[[float], int] = locust_stats.bucket_response_time
    if rounding is not _default_rounding:
        counts: dict[int, int] = {}
        for value in ms.tolist():
            key = rounding(value)
            counts[key] = counts.get(key, 0) + 1
        return counts
    if ms.max() < 100:
        return count(np.rint(ms).astype(np.int64))
    unit = np.where(ms < 100, 1.0, np.where(ms < 1000, 10.0, np.where(ms < 10000, 100.0, 1000.0)))
    return count((np.rint(ms / unit) * unit).astype(np.int64))


def _log(
    entry: StatsEntry, ms: NDArray[np.float64], rounded: dict[int, int], seconds: dict[int, int], body_bytes: int
) -> None:
    """What ``StatsEntry.log`` does for one response, for many."""
    latest = max(seconds)
    previous = entry.last_request_timestamp
    if entry.use_response_times_cache and previous and latest > int(previous):
        entry._cache_response_times(latest - 1)  # noqa: SLF001 - as StatsEntry.log does
    entry.num_requests += len(ms)
    for second, many in seconds.items():
        entry.num_reqs_per_sec[second] += many
    entry.last_request_timestamp = max(previous or 0.0, float(latest))
    entry.total_response_time += float(ms.sum())  # type: ignore[assignment]
    least, most = float(ms.min()), float(ms.max())
    known: Any = entry.min_response_time
    entry.min_response_time = least if known is None else min(known, least)  # type: ignore[assignment]
    entry.max_response_time = max(entry.max_response_time, most)  # type: ignore[assignment]
    for key, many in rounded.items():
        entry.response_times[key] += many
    entry.total_content_length += body_bytes
