"""State every user of this process shares: the recorder, and what the ramp wants of users right now."""

from __future__ import annotations

import random

from floodmark.records.recorder import Record, Recorder


class Controls:
    """One per process; in a distributed run the master's is copied to the workers.

    ramping: a ramp of ours decides the load. think: users take their think time. think_time_s: mean think
    time of users that leave it to us. generation: when it changes, every user connects anew. spread_s:
    users then start at random moments within this time, so that they neither connect in one burst nor stay
    in step.
    """

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.random = random.Random(1)
        self.ramping = False
        self.think = True
        self.think_time_s = 0.0
        self.generation = 0
        self.spread_s = 0.0

    def state(self) -> Record:
        """What workers need to know."""
        return {
            "ramping": self.ramping,
            "think": self.think,
            "think_time_s": self.think_time_s,
            "generation": self.generation,
            "spread_s": self.spread_s,
        }

    def adopt(self, state: Record) -> None:
        """Take over the master's state."""
        self.ramping = bool(state["ramping"])
        self.think = bool(state["think"])
        self.think_time_s = float(state["think_time_s"])
        self.generation = int(state["generation"])
        self.spread_s = float(state["spread_s"])


CONTROLS = Controls()
