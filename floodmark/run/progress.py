"""The protocol for reporting the progress of a run."""

from __future__ import annotations

from typing import Protocol

from floodmark.search.order import Order
from floodmark.verdict.visit import Visit


class Progress(Protocol):
    """Receives what happens during a run, and may show it."""

    def say(self, text: str) -> None: ...
    def order(self, order: Order) -> None: ...
    def visit(self, visit: Visit) -> None: ...
    def close(self) -> None: ...
