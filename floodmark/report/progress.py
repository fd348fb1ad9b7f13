"""The progress of a run on stderr: a line per visit, and on a terminal a status line with the time left."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from floodmark.report import search_status as doing
from floodmark.search.order import Order
from floodmark.verdict.enums import Model, Phase
from floodmark.verdict.interim import interim
from floodmark.verdict.visit import Visit


def _load(visit: Visit) -> str:
    """The load of a visit: users, or arrivals."""
    if visit.model is Model.OPEN:
        return f"{visit.rate_intended_rps or 0.0:>7.1f}/s due"
    return f"{visit.users:>5} users"


class TerminalProgress:
    """Prints a line per visit, and on a terminal a status line with phase, level, estimate and time left.

    If stderr is not a terminal, it prints a plain line whenever the phase changes.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = console.status("") if console.is_terminal else None
        self._begun = time.monotonic()
        self._visits: list[Visit] = []
        self._phase: Phase | None = None

    def say(self, text: str) -> None:
        self._console.print(f"[dim]{self._clock()}[/dim] {text}", highlight=False)

    def order(self, order: Order) -> None:
        estimate = doing.estimate(interim(self._visits))
        parts = [f"{doing.DOING[order.phase]}: {doing.load(order)}", f"about {doing.left(order.left_s)} left"]
        text = escape(", ".join([*parts, *([f"so far {estimate}"] if estimate else [])]))
        if self._status is not None:
            self._status.update(text)
            self._status.start()
        elif order.phase is not self._phase:
            self.say(text)
        self._phase = order.phase

    def visit(self, visit: Visit) -> None:
        self._visits.append(visit)
        latency = "-" if visit.r_p50_ms is None else f"{visit.r_p50_ms:.1f}"
        parts = [
            f"{visit.phase:<8} {_load(visit)} {visit.goodput_rps:>9.1f} good/s",
            f"p50 {latency:>7} ms",
        ]
        if visit.errors:
            parts.append(f"[red]{visit.error_share:.0%} errors[/red]")
        if not visit.valid:
            parts.append(f"[yellow]void: {escape(visit.reason)}[/yellow]")
        self.say("  ".join(parts))

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()

    def _clock(self) -> str:
        return f"{time.monotonic() - self._begun:6.1f} s"
