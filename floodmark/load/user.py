"""Locust users on the lean client."""

from __future__ import annotations

from typing import Any

from locust import User
from locust.env import Environment
from locust.exception import StopTest

from floodmark.load.client import CONNECT_TIMEOUT_S, TIMEOUT_S, LeanClient
from floodmark.load.controls import CONTROLS


def scenario_think_time(user: User) -> float:
    """A ``wait_time`` that leaves think time to the scenario; none in plain Locust."""
    return CONTROLS.think_time_s


class LeanHttpUser(User):
    """A user with ``self.client`` for HTTP/1.1, exact and about five times cheaper than FastHttpUser.

    connect_timeout, timeout: seconds for a connection and for a whole answer.
    """

    abstract = True
    connect_timeout: float = CONNECT_TIMEOUT_S
    timeout: float = TIMEOUT_S

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        host = self.host or environment.host
        if not host:
            raise StopTest("no host to load: give one with -H http://HOST:PORT, or set host on the user class")
        self.client = LeanClient(environment, host, self)
        self.client.connect_timeout_s = self.connect_timeout
        self.client.timeout_s = self.timeout

    def start(self, group: Any) -> Any:
        greenlet = super().start(group)
        greenlet.link(lambda _: self.client.close())
        return greenlet
