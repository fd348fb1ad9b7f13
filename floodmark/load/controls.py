"""State every user of this process shares: the recorder, and what the ramp wants of users right now."""

from __future__ import annotations

import random
from collections.abc import Callable

from floodmark.load.arrivals import Schedule, Share
from floodmark.records.recorder import Recorder
from floodmark.records.sums import Record
from floodmark.search.settings import DEFAULT_TIMEOUT_S


class Controls:
    """One per process; in a distributed run the master's is copied to the workers."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.random = random.Random(1)
        self.ramping = False
        """Whether a ramp of ours decides the load."""
        self.think = True
        """Whether users take their think time."""
        self.think_time_s = 0.0
        """Mean think time of users that leave it to us."""
        self.generation = 0
        """When it changes, every user connects anew."""
        self.spread_s = 0.0
        """Users then start at random moments within this time, so that they neither connect in one burst nor stay in
        step."""
        self.timeout_s = DEFAULT_TIMEOUT_S
        """Time for a whole answer, for users that do not set their own."""
        self.fast_error_s = 0.0
        """Users pause after an error that came sooner than this."""
        self.open = False
        """Whether requests are sent by a schedule of arrivals, not by users."""
        self.schedule: Schedule | None = None
        """Those arrivals; None while there are to be none."""
        self.share = Share()
        """This process's part of them."""
        self.new_connections = False
        """Whether every request has a connection of its own."""
        self.close_delay_s = 0.0
        """How late connections are closed."""
        self.changed: list[Callable[[], None]] = []
        """Called when the ramp gave new orders."""

    def thinks(self, seconds: float) -> float:
        """The pause of a user that would think for ``seconds``. Records it."""
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
            "timeout_s": self.timeout_s,
            "fast_error_s": self.fast_error_s,
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
        self.timeout_s = float(state["timeout_s"])
        self.fast_error_s = float(state["fast_error_s"])
        self.open = bool(state["open"])
        self.schedule = Schedule.from_wire(state["schedule"])
        self.new_connections = bool(state["new_connections"])
        self.close_delay_s = float(state["close_delay_s"])
        self.announce()


CONTROLS = Controls()
