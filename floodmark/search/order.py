"""What a search asks of the load side, and how a search ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from floodmark.verdict.enums import End, Phase
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order to visit a load level."""

    phase: Phase
    users: int
    """Concurrent users; in the open model, the connections that arrivals may use."""
    think: bool
    """Whether users take their think time between requests."""
    settle_s: float
    """Time between the start of the last user and the window. 0 at an unchanged rate: windows join without a gap."""
    min_s: float
    """Least length of the window."""
    max_s: float
    """Greatest length of the window."""
    half_width: float = 0.0
    """The window ends early once the relative 95 % half-width of goodput is this small."""
    fresh: bool = False
    """Stop all users first, so that every connection is new."""
    left_s: float = 0.0
    """Estimated time that the search still needs, including this visit."""
    rate_rps: float | None = None
    """Open model: arrivals per second."""
    slo_ms: float | None = None
    """Open model: count the arrivals without a good answer within this time."""

    def continues(self, before: Order | None) -> bool:
        """Whether this visit keeps the current arrivals and starts where the previous window ended."""
        if before is None or self.rate_rps is None:
            return False
        return self.settle_s == 0 and (self.rate_rps, self.users) == (before.rate_rps, before.users)


Search = Generator[Order, Visit, Outcome]


class SearchEnded(Exception):  # noqa: N818 - control flow inside the package
    """Raised by a phase to end the search at once."""

    def __init__(self, end: End, reason: str, hold_users: int | None = None) -> None:
        super().__init__(reason)
        self.outcome = Outcome(end=end, reason=reason, hold_users=hold_users)
