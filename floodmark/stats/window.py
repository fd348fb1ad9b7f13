"""What was seen of a load between two moments: plain sums, so that windows of several processes add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from floodmark.stats.histogram import Histogram


class ErrorKind(StrEnum):
    """How a request failed. The values are the column suffixes of steps.csv."""

    REFUSED = "refused"
    TIMEOUT = "timeout"
    RESET = "reset"
    HTTP = "http"
    BODY = "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Sums over ``[start_s, end_s)``, seconds from the start of the load.

    good_per_bin: good responses in consecutive bins of equal length. good_ms, all_ms: summed latencies of
    good and of all responses. in_flight_s: integral of requests in flight, request-seconds. ages_before_s,
    ages_after_s: summed ages of the requests in flight at either edge. think_s: summed think time asked for,
    over ``thoughts`` waits. cpu_cores: CPU of each generator process; queued_cores: share of time it was ready to
    run, and did not. lag: how late the generator's loop ran, sampled. late: how long users that were ready, or
    arrivals that were due, waited to be sent. offered, sent: in the open model, arrivals due in the window, and those
    of them that were sent; settled: latencies of those with a good answer, from the time they were due.
    """

    start_s: float
    end_s: float
    good_per_bin: Sequence[int]
    errors: Mapping[ErrorKind, int]
    good_ms: float
    all_ms: float
    max_ms: float
    histogram: Histogram
    error_histogram: Histogram
    in_flight_s: float | None
    ages_before_s: float = 0.0
    ages_after_s: float = 0.0
    connections_opened: int | None
    reconnects: int = 0
    think_s: float = 0.0
    thoughts: int = 0
    cpu_cores: Mapping[str, float] = field(default_factory=dict)
    queued_cores: Mapping[str, float] = field(default_factory=dict)
    lag: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)
    offered: int = 0
    sent: int = 0
    settled: Histogram = field(default_factory=Histogram)

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s

    @property
    def good(self) -> int:
        return sum(self.good_per_bin)

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    @property
    def response_s(self) -> float:
        """Request-seconds inside the window, from the responses: what came in with requests already under way is
        left out, what those still under way have waited is added.
        """
        return self.all_ms / 1000 - self.ages_before_s + self.ages_after_s
