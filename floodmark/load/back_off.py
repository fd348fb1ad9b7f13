"""How long a user waits after a failure."""

from __future__ import annotations

from floodmark.load.controls import CONTROLS
from floodmark.load.failure import BadStatus, ConnectionLost, ConnectionRefused, RequestFailed

FIRST_S, MOST_S = 0.05, 1.0


def back_off_s(error: RequestFailed, took_s: float, before_s: float) -> float:
    """The pause after a failed request that took ``took_s``. before_s: the one after the request before, 0 if that was
    good.

    A refusing server answers at once: without a pause one user would "fail" thousands of times a second. An error
    status counts as a refusal while a ramp measures, if it came much faster than a good answer can.
    """
    refused = isinstance(error, ConnectionRefused | ConnectionLost)
    if refused or (isinstance(error, BadStatus) and took_s < CONTROLS.fast_error_s and CONTROLS.ramping):
        return min(MOST_S, 2 * before_s or FIRST_S)
    return 0.0
