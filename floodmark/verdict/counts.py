"""Checks that clients and server counted the same requests."""

from __future__ import annotations

from dataclasses import dataclass

TOLERATED, AT_EDGES = 0.02, 50
"""Slack for requests and probe samples that the edges of a window cut: a share of all requests, plus a constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Requests counted over all visits of a run."""

    asked: int = 0
    """Requests that ended, as counted by the clients."""
    failed: int = 0
    """Those that failed; the server may or may not have completed them."""
    served: int = 0
    """Requests that left the app."""

    def plus(self, asked: int, failed: int, served: float) -> Counts:
        """These counts with another visit added."""
        return Counts(asked=self.asked + asked, failed=self.failed + failed, served=self.served + round(served))


def disagreement(counts: Counts) -> str | None:
    """Why these counts cannot be of the same requests; None if they can."""
    slack = TOLERATED * counts.asked + AT_EDGES
    least, most = counts.asked - counts.failed - slack, counts.asked + slack
    counted = f"clients counted {counts.asked} requests, {counts.failed} of them failed, the server {counts.served}"
    if counts.served < least:
        return f"{counted}: answers came from elsewhere"
    if counts.served > most:
        return f"{counted}: somebody else was loading it, or requests were sent again unseen"
    return None
