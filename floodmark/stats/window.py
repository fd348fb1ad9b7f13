"""What was measured of a load between two moments, as plain sums, so that windows of several processes add up."""

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
    """Sums over ``[start_s, end_s)``, in seconds from the start of the load."""

    start_s: float
    end_s: float
    good_per_bin: Sequence[int]
    """Good responses in consecutive bins of equal length."""
    answers_per_bin: Sequence[int]
    """All responses in the same bins."""
    ms_per_bin: Sequence[float]
    """Sums of their latencies."""
    errors: Mapping[ErrorKind, int]
    good_ms: float
    """Sum of the latencies of good responses."""
    all_ms: float
    """Sum of the latencies of all responses."""
    max_ms: float
    histogram: Histogram
    error_histogram: Histogram
    in_flight_s: float | None
    """Integral of the requests in flight, in request-seconds."""
    ages_before_s: float = 0.0
    """Sum of the ages of the requests in flight at the start of the window."""
    ages_after_s: float = 0.0
    """The same at its end."""
    connections_opened: int | None
    reconnects: int = 0
    think_s: float = 0.0
    """Sum of the think times requested, over ``thoughts`` waits."""
    thoughts: int = 0
    paused_s: float = 0.0
    """Sum of ``pauses`` after errors."""
    pauses: int = 0
    cpu_cores: Mapping[str, float] = field(default_factory=dict)
    """CPU of each generator process."""
    queued_cores: Mapping[str, float] = field(default_factory=dict)
    """Share of the time that each process was ready to run but did not."""
    lag: Histogram = field(default_factory=Histogram)
    """How late the generator's event loop ran, sampled."""
    late: Histogram = field(default_factory=Histogram)
    """How long ready users, or arrivals that were due, waited to be sent."""
    offered: int = 0
    """Open model: arrivals due in the window."""
    sent: int = 0
    """Open model: those of them that were sent."""
    settled: Histogram = field(default_factory=Histogram)
    """Open model: latencies of those with a good answer, from when they were due."""

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
    def answers(self) -> int:
        return sum(self.answers_per_bin)

    @property
    def response_s(self) -> float:
        """Request-seconds inside the window, from the latencies of its responses.

        The time that requests in flight at the start had spent before it is subtracted; the time that requests in
        flight at the end have spent is added.
        """
        return self.all_ms / 1000 - self.ages_before_s + self.ages_after_s
