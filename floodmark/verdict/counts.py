"""Over a whole run, clients and server must have counted the same requests."""

from __future__ import annotations

from dataclasses import dataclass

TOLERATED = 0.001
"""Of all requests: what a reader of both counts may miss at the edges of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """asked: requests that clients saw end; failed: those that failed, which the server may or may not have seen.
    served: requests that entered the app. cut: at most so many were under way when their users were stopped.
    """

    asked: int
    failed: int
    served: int
    cut: int


def disagreement(counts: Counts) -> str | None:
    """Why these counts cannot be of the same requests; None where they can."""
    slack = TOLERATED * counts.asked
    least, most = counts.asked - counts.failed - slack, counts.asked + counts.cut + slack
    said = f"clients counted {counts.asked} requests, {counts.failed} of them failed, the server {counts.served}"
    if counts.served < least:
        return f"{said}: answers came from elsewhere"
    if counts.served > most:
        return f"{said}: somebody else was loading it, or requests were sent again unseen"
    return None
