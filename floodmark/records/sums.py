"""The sums of one process over one bin, and their wire form."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]
"""The wire form of a bin, of types that msgpack and JSON can represent."""


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
    """Sums for one bin that do not belong to a request name."""

    __slots__ = (
        "ages_s",
        "cpu_s",
        "in_flight_s",
        "lag",
        "late",
        "offered",
        "opened",
        "paused_s",
        "pauses",
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
        self.ages_s = 0.0  # sum of the ages of the requests in flight at the end of the bin
        self.opened = 0
        self.reconnects = 0
        self.think_s = 0.0
        self.thoughts = 0
        self.paused_s = 0.0  # pauses after errors
        self.pauses = 0
        self.cpu_s = 0.0
        self.queued_s = 0.0
        self.lag: dict[int, int] = {}
        self.users = 0
        self.late: dict[int, int] = {}  # buckets of how long ready users, or due arrivals, waited to be sent
        # Arrivals of the open model, by the bin in which they were due:
        self.offered = 0  # all of them
        self.sent = 0  # those sent
        self.settled: dict[int, int] = {}  # latency buckets of those with a good answer

    def wire(self) -> Record:
        return {slot: getattr(self, slot) for slot in self.__slots__}
