"""The progress of a sweep on stderr: a line per point, and on a terminal a status line with the time left."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from floodmark.search.order import Order
from floodmark.sweep.row import PointVerdict, SweepRow
from floodmark.sweep.sentences import figure
from floodmark.verdict.visit import Visit


class SweepProgress:
    """Shows the points of a sweep and their visits, as reported by the conductor."""

    def __init__(self, console: Console, points: int, estimate_s: float) -> None:
        self._console = console
        self._status: Status | None = console.status("") if console.is_terminal else None
        self._points = points
        self._estimated = estimate_s
        self._spent_s, self._planned_s = 0.0, 0.0
        self._number, self._label = 0, ""
        self._begun, self._left_s = time.monotonic(), estimate_s

    def begin(self, number: int, label: str, planned_s: float) -> None:
        """Report that a point begins. ``planned_s`` is the planned duration of it and all later points."""
        self._number, self._label, self._begun = number, label, time.monotonic()
        self._planned_s = self._estimated - planned_s
        # Assume that the remaining points deviate from the plan as the earlier ones did.
        self._left_s = planned_s * (self._spent_s / self._planned_s if self._planned_s > 0 else 1.0)
        self._say(f"{label or 'single point'}, about {minutes(self._left_s)} left in total")

    def end(self, row: SweepRow) -> None:
        """Report that a point has ended."""
        self.close()
        self._spent_s += time.monotonic() - self._begun
        result = figure(row) if row.verdict is PointVerdict.CONFIRMED else f"{row.verdict}: {row.reason}"
        self._say(f"{self._label or 'single point'}: {result}")

    def say(self, text: str) -> None:
        self._say(f"{self._label}: {text}")

    def order(self, order: Order) -> None:
        if self._status is not None:
            left = max(0.0, self._left_s - (time.monotonic() - self._begun))
            self._status.update(
                f"{self._number}/{self._points} {self._label}: {order.phase}, {order.users} users, "
                f"about {minutes(left)} left in total"
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
    """A duration as text."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
