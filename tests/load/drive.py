"""Users of ours in this process: one client by itself, or whole users as Locust runs them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gevent
from locust import User
from locust.env import Environment
from locust.exception import StopUser

from floodmark.load import HttpStep, LeanHttpUser, StepHttpUser
from floodmark.load.client import LeanClient
from floodmark.load.controls import CONTROLS
from floodmark.load.plugin import record
from floodmark.records.recorder import Recorder, bin_of
from floodmark.records.timeline import Timeline
from floodmark.stats.window import Window

HOME = HttpStep("GET", "/", name="home", expect=b"ok")


class Client(LeanClient):
    """A lean client that keeps what it reported."""

    def __init__(self, url: str) -> None:
        CONTROLS.recorder = Recorder()
        environment = Environment()
        super().__init__(environment, url)
        self.reported: list[dict[str, Any]] = []
        environment.events.request.add_listener(lambda **facts: self.reported.append(facts))
        self.connect_timeout_s = self.timeout_s = 1.0


class Drive:
    """Runs users in this process, as Locust does. base: of which client. Users go through their steps in turn."""

    def __init__(self, url: str, *steps: Any, base: type[User] = StepHttpUser, **attributes: Any) -> None:
        CONTROLS.__init__()  # type: ignore[misc]  # a fresh process' controls, in the one object everybody holds
        tasks = list(steps) or [HOME]
        if base is LeanHttpUser and all(isinstance(task, HttpStep) for task in tasks):
            tasks = [lambda user: [step(user) for step in steps or [HOME]]]  # Locust would draw lots
        self.environment = Environment(
            user_classes=[type("Driven", (base,), {"tasks": tasks, "timeout": 1.0, **attributes})],
            host=url,
            stop_timeout=5,
        )
        self.environment.events.request.add_listener(record)
        self.runner = self.environment.create_local_runner()
        self.told: list[dict[str, Any]] = []
        self.begun = time.time()

    def shots(self, count: int, users: int = 1) -> list[dict[str, Any]]:
        """Until so many requests were over; returns what listeners of the request event were told."""

        def listen(**facts: Any) -> None:
            if len(self.told) < count:
                self.told.append(facts)
            if len(self.told) >= count:
                raise StopUser

        self.environment.events.request.add_listener(listen)
        self.runner.start(users, 10_000)
        with gevent.Timeout(20):
            while len(self.told) < count:
                gevent.sleep(0.005)
        self.stop()
        return self.told

    def run(self, users: int, seconds: float) -> Drive:
        self.runner.start(users, 10_000)
        gevent.sleep(seconds)
        self.stop()
        return self

    def stop(self) -> None:
        self.runner.quit()

    @property
    def window(self) -> Window:
        """Everything recorded since this was last asked for."""
        timeline = Timeline()
        until = bin_of(time.time()) + 1
        timeline.add("here", until, CONTROLS.recorder.take(until))
        return timeline.window(bin_of(self.begun), until, self.begun)


def errors(told: Sequence[dict[str, Any]]) -> list[type[Any]]:
    """What requests failed with; NoneType for those that did not."""
    return [type(facts["exception"]) for facts in told]


def reconnects() -> int:
    """Requests that were sent again, of all clients; forgets them."""
    return sum(record["gauges"]["reconnects"] for record in CONTROLS.recorder.take(2**60) if record["gauges"])
