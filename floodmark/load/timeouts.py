"""Timeouts for all connections of a process by one coarse scan: a timer per wait would cost a third of the rate."""

from __future__ import annotations

import time
from typing import Protocol
from weakref import WeakSet

import gevent

EVERY_S = 0.25


class Expiring(Protocol):
    """What can time out. ``deadline`` is monotonic seconds, 0 while nothing is awaited."""

    deadline: float

    def expire(self) -> None: ...


class Timeouts:
    """Scans every watched connection four times a second; runs only while there is one alive."""

    def __init__(self) -> None:
        self._watched: WeakSet[Expiring] = WeakSet()
        self._running = False

    def watch(self, connection: Expiring) -> None:
        self._watched.add(connection)
        if not self._running:
            self._running = True
            gevent.spawn(self._run)

    def _run(self) -> None:
        loop = gevent.get_hub().loop
        while self._watched:
            gevent.sleep(EVERY_S)
            now = time.monotonic()
            for connection in [c for c in self._watched if 0 < c.deadline < now]:
                # In the hub, where it can check that the wait is still the one that expired.
                loop.run_callback(self._expire, connection)
        self._running = False

    @staticmethod
    def _expire(connection: Expiring) -> None:
        if 0 < connection.deadline < time.monotonic():
            connection.expire()


TIMEOUTS = Timeouts()
