"""What a search asks of the load side, and how a search ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from floodmark.search.settings import DEFAULT_TIMEOUT_S, Span
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit

ROUNDS_MIN = 4
EDGE_S = 0.05
"""Windows consist of whole bins, so their lengths differ from those asked for by up to half a bin."""


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
    span: Span
    """Least and greatest length of the window."""
    most_s: float
    """The window ends after this time even if it has fewer rounds than ``span`` asks for."""
    half_width: float = 0.0
    """The window ends early once the relative 95 % half-width of goodput is this small."""
    answers: int | None = None
    """The window ends early once it has so many good answers."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    """Time after which a request counts as failed."""
    r0_s: float | None = None
    """R0, if known. Users pause after errors that came much faster."""
    fresh: bool = False
    """Stop all users first, so that every connection is new."""
    left_s: float = 0.0
    """Estimated time that the search still needs, including this visit."""
    rate_rps: float | None = None
    """Open model: arrivals per second."""
    slo_ms: float | None = None
    """Open model: count the arrivals without a good answer within this time."""

    def complete(self, visit: Visit) -> bool:
        """Whether the window, of which ``visit`` shows what was measured so far, is long enough."""
        span, seconds = self.span, visit.seconds + EDGE_S
        rounds = (visit.good + visit.errors) / self.users
        if seconds >= self.most_s or (seconds >= span.max_s and rounds >= span.max_rounds):
            return True
        if seconds < span.min_s or rounds < span.min_rounds:
            return False
        if self.answers is not None and visit.good >= self.answers:
            return True
        # The interval of very few rounds is small by chance now and then, and there are many moments to look.
        return visit.half_width <= self.half_width and rounds >= ROUNDS_MIN

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
