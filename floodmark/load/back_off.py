"""How long a user waits after a failure."""

from __future__ import annotations

from floodmark.load.failure import ConnectionLost, ConnectionRefused, RequestFailed

FIRST_S, MOST_S = 0.05, 1.0


def back_off_s(error: RequestFailed, before_s: float) -> float:
    """The pause after a failed request. before_s: the one after the request before, 0 if that was good.

    A refusing server answers at once: without a pause one user would "fail" thousands of times a second.
    """
    if isinstance(error, ConnectionRefused | ConnectionLost):
        return min(MOST_S, 2 * before_s or FIRST_S)
    return 0.0
