"""Progress of a sweep on stderr: a line per point, and on a terminal a status line with the time left for all."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from floodmark.search.order import Order
from floodmark.sweep.row import Found, SweepRow
from floodmark.sweep.sentences import figure
from floodmark.verdict.visit import Visit


class SweepProgress:
    """Told of every visit of every point, by the conductor, and of the points themselves."""

    def __init__(self, console: Console, points: int, estimate_s: float) -> None:
        self._console = console
        self._status: Status | None = console.status("") if console.is_terminal else None
        self._points = points
        self._estimated = estimate_s
        self._spent_s, self._planned_s = 0.0, 0.0
        self._number, self._label = 0, ""
        self._begun, self._left_s = time.monotonic(), estimate_s

    def begin(self, number: int, label: str, planned_s: float) -> None:
        """A point begins; planned_s: the plan for it and all after it."""
        self._number, self._label, self._begun = number, label, time.monotonic()
        self._planned_s = self._estimated - planned_s
        # As the points before went, so will the others.
        self._left_s = planned_s * (self._spent_s / self._planned_s if self._planned_s > 0 else 1.0)
        self._say(f"{label or 'as it is'}, about {minutes(self._left_s)} left for all")

    def end(self, row: SweepRow) -> None:
        """A point is over."""
        self.close()
        self._spent_s += time.monotonic() - self._begun
        said = figure(row) if row.verdict is Found.CONFIRMED else f"{row.verdict}: {row.reason}"
        self._say(f"{self._label or 'as it is'}: {said}")

    def say(self, text: str) -> None:
        self._say(f"{self._label}: {text}")

    def order(self, order: Order) -> None:
        if self._status is not None:
            left = max(0.0, self._left_s - (time.monotonic() - self._begun))
            self._status.update(
                f"{self._number}/{self._points} {self._label}: {order.phase}, {order.users} users, "
                f"about {minutes(left)} left for all"
            )
            self._status.start()

    def visit(self, visit: Visit) -> None:
        pass

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()

    def _say(self, text: str) -> None:
        self._console.print(f"[dim]{self._number}/{self._points}[/dim] {escape(text)}", highlight=False)


def minutes(seconds: float) -> str:
    """A duration for people."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
