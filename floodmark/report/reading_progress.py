"""The progress of reading many files, on a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.status import Status

from floodmark.report import search_status as doing

WONDER_S = 1.0


class Counting:
    """Shows how many items are done once it has taken a while. Shows nothing if there is no terminal."""

    def __init__(self, console: Console, activity: str) -> None:
        self._console, self._activity = console, activity
        self._begun = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def update(self, done: int, of: int) -> None:
        spent = time.monotonic() - self._begun
        if spent < WONDER_S or not self._console.is_terminal:
            return
        if self._status is None:
            self._status = self._console.status("")
            self._status.start()
        self._status.update(f"{self._activity}: {done} of {of}, about {doing.left(spent / done * (of - done))} left")
