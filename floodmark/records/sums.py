"""What one process adds up over one bin, and its wire form."""

from __future__ import annotations

from typing import Any

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
