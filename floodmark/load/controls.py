"""State every user of this process shares: the recorder, and what the ramp wants of users right now."""

from __future__ import annotations

import random
from collections.abc import Callable

from floodmark.load.arrivals import Schedule, Share
from floodmark.records.recorder import Recorder
from floodmark.records.sums import Record


class Controls:
    """One per process; in a distributed run the master's is copied to the workers.

    ramping: a ramp of ours decides the load. think: users take their think time. think_time_s: mean think
    time of users that leave it to us. generation: when it changes, every user connects anew. spread_s:
    users then start at random moments within this time, so that they neither connect in one burst nor stay
    in step. open: requests are sent by a schedule of arrivals, not by users; schedule: those arrivals, None while
    there are to be none. share: this process's part of them.
    new_connections: every request on a connection of its own; close_delay_s: how late each is closed. changed: called
    when the ramp gave new orders.
    """

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.random = random.Random(1)
        self.ramping = False
        self.think = True
        self.think_time_s = 0.0
        self.generation = 0
        self.spread_s = 0.0
        self.open = False
        self.schedule: Schedule | None = None
        self.share = Share()
        self.new_connections = False
        self.close_delay_s = 0.0
        self.changed: list[Callable[[], None]] = []

    def thinks(self, seconds: float) -> float:
        """The pause a user takes that would think for ``seconds``; takes it down."""
        if not self.ramping:
            return seconds
        if not self.think:
            return 0.0
        self.recorder.thought(seconds)
        return seconds

    def announce(self) -> None:
        """Tell this process that there are new orders."""
        for listener in self.changed:
            listener()

    def state(self) -> Record:
        """What workers need to know."""
        return {
            "ramping": self.ramping,
            "think": self.think,
            "think_time_s": self.think_time_s,
            "generation": self.generation,
            "spread_s": self.spread_s,
            "open": self.open,
            "schedule": self.schedule.wire() if self.schedule is not None else None,
            "new_connections": self.new_connections,
            "close_delay_s": self.close_delay_s,
        }

    def adopt(self, state: Record) -> None:
        """Take over the master's state."""
        self.ramping = bool(state["ramping"])
        self.think = bool(state["think"])
        self.think_time_s = float(state["think_time_s"])
        self.generation = int(state["generation"])
        self.spread_s = float(state["spread_s"])
        self.open = bool(state["open"])
        self.schedule = Schedule.from_wire(state["schedule"])
        self.new_connections = bool(state["new_connections"])
        self.close_delay_s = float(state["close_delay_s"])
        self.announce()


CONTROLS = Controls()
