"""What a search asks of the load side, and how it ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from floodmark.verdict.enums import End, Phase
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Visit a load level.

    users: concurrent users. think: whether they take their think time between requests. settle_s: time
    after all users run that is not measured; 0 at the rate under way goes on without a gap. The window then lasts
    at least min_s, and ends at max_s or as soon as goodput is known to half_width (relative, 95 %). fresh: drop all
    users first, so that every connection is made anew. left_s: estimated time the search still needs, this visit
    included. rate_rps: in the open model, arrivals per second; users are then the connections that may serve them.
    slo_ms: count the arrivals that were not answered well within it.
    """

    phase: Phase
    users: int
    think: bool
    settle_s: float
    min_s: float
    max_s: float
    half_width: float = 0.0
    fresh: bool = False
    left_s: float = 0.0
    rate_rps: float | None = None
    slo_ms: float | None = None

    def continues(self, before: Order | None) -> bool:
        """Whether it leaves the arrivals under way as they are, and is measured from where the window before ended."""
        if before is None or self.rate_rps is None:
            return False
        return self.settle_s == 0 and (self.rate_rps, self.users) == (before.rate_rps, before.users)


Search = Generator[Order, Visit, Outcome]


class SearchEnded(Exception):  # noqa: N818 - control flow inside the package
    """Raised inside the phases to end the search at once."""

    def __init__(self, end: End, reason: str, hold_users: int | None = None) -> None:
        super().__init__(reason)
        self.outcome = Outcome(end=end, reason=reason, hold_users=hold_users)
