"""Progress on stderr: one line per finished visit, and on a terminal a status line with the time left."""

from __future__ import annotations

import time
from typing import Protocol

from rich.console import Console
from rich.status import Status

from floodmark.search.order import Order
from floodmark.verdict.step import Step
from floodmark.verdict.words import Model

WONDER_S = 1.0
_DOING = {
    "warm": "warming up",
    "base": "response time without contention",
    "bracket": "bracketing the knee",
    "place": "placing the hold level",
    "hold": "holding",
    "verify": "verifying beyond",
    "overload": "overloading",
    "recovery": "looking for recovery",
    "slo": "searching the SLO rate",
    "confirm": "confirming the SLO rate",
    "step": "stepping",
}


def _load(step: Step) -> str:
    """What was asked of the target: users, or arrivals."""
    if step.model is Model.OPEN:
        return f"{step.rate_intended_rps or 0.0:>7.1f}/s due"
    return f"{step.users:>5} users"


class Progress(Protocol):
    """Told what happens; shows it or not."""

    def say(self, text: str) -> None: ...
    def order(self, order: Order) -> None: ...
    def visit(self, step: Step) -> None: ...
    def close(self) -> None: ...


class TerminalProgress:
    """Lines for people; plain ones where stderr is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = console.status("") if console.is_terminal else None
        self._begun = time.monotonic()

    def say(self, text: str) -> None:
        self._console.print(f"[dim]{self._clock()}[/dim] {text}", highlight=False)

    def order(self, order: Order) -> None:
        load = f"{order.users} user{'s' if order.users != 1 else ''}"
        if order.rate_rps is not None:
            load = f"{order.rate_rps:.1f} arrivals/s"
        doing = f"{_DOING[order.phase]}: {load}, about {_left(order.left_s)} left"
        if self._status is not None:
            self._status.update(doing)
            self._status.start()

    def visit(self, step: Step) -> None:
        latency = "-" if step.r_p50_ms is None else f"{step.r_p50_ms:.1f}"
        parts = [
            f"{step.phase:<8} {_load(step)} {step.goodput_rps:>9.1f} good/s",
            f"p50 {latency:>7} ms",
        ]
        if step.errors:
            parts.append(f"[red]{step.error_share:.0%} errors[/red]")
        if not step.valid:
            parts.append(f"[yellow]void: {step.reason}[/yellow]")
        self.say("  ".join(parts))

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()

    def _clock(self) -> str:
        return f"{time.monotonic() - self._begun:6.1f} s"


def _left(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class Counting:
    """How many of how many are done, on a terminal, once it takes long enough to wonder."""

    def __init__(self, console: Console, what: str) -> None:
        self._console, self._what = console, what
        self._begun = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def told(self, done: int, of: int) -> None:
        spent = time.monotonic() - self._begun
        if spent < WONDER_S or not self._console.is_terminal:
            return
        if self._status is None:
            self._status = self._console.status("")
            self._status.start()
        self._status.update(f"{self._what}: {done} of {of}, about {_left(spent / done * (of - done))} left")
