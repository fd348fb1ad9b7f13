"""What a run tells about itself while it goes on."""

from __future__ import annotations

from typing import Protocol

from floodmark.search.order import Order
from floodmark.verdict.visit import Visit


class Progress(Protocol):
    """Told what happens; shows it or not."""

    def say(self, text: str) -> None: ...
    def order(self, order: Order) -> None: ...
    def visit(self, visit: Visit) -> None: ...
    def close(self) -> None: ...
