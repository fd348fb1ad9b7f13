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
    good and of all responses. in_flight_s: integral of requests in flight, request-seconds. think_s: summed
    think time asked for, over ``thoughts`` waits. cpu_cores: CPU of each generator process. lag: how late
    the generator's loop ran, sampled.
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
    connections_opened: int | None
    think_s: float = 0.0
    thoughts: int = 0
    cpu_cores: Mapping[str, float] = field(default_factory=dict)
    lag: Histogram = field(default_factory=Histogram)

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s

    @property
    def good(self) -> int:
        return sum(self.good_per_bin)

    @property
    def failed(self) -> int:
        return sum(self.errors.values())
