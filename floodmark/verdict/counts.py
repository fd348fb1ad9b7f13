"""Clients and server must have counted the same requests."""

from __future__ import annotations

from dataclasses import dataclass

TOLERATED, AT_EDGES = 0.02, 50
"""A visit's window cuts through requests under way, and through the probe's samples: of all requests, and at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Over all visits of a run. asked: requests that clients saw end; failed: those that failed, which the server may
    or may not have seen to the end. served: requests that left the app.
    """

    asked: int = 0
    failed: int = 0
    served: int = 0

    def plus(self, asked: int, failed: int, served: float) -> Counts:
        """With another visit."""
        return Counts(asked=self.asked + asked, failed=self.failed + failed, served=self.served + round(served))


def disagreement(counts: Counts) -> str | None:
    """Why these counts cannot be of the same requests; None where they can."""
    slack = TOLERATED * counts.asked + AT_EDGES
    least, most = counts.asked - counts.failed - slack, counts.asked + slack
    said = f"clients counted {counts.asked} requests, {counts.failed} of them failed, the server {counts.served}"
    if counts.served < least:
        return f"{said}: answers came from elsewhere"
    if counts.served > most:
        return f"{said}: somebody else was loading it, or requests were sent again unseen"
    return None
