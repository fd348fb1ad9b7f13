"""Whether a target sheds load: it refuses at once what it cannot serve."""

from __future__ import annotations

from floodmark.verdict.overload import failing
from floodmark.verdict.visit import Visit

FAST = 0.5
"""An error that comes within this share of R0 was no attempt to serve the request."""


def sheds(visit: Visit, r0_s: float) -> bool:
    """Whether significantly many answers of a visit are errors, and they came much faster than a good answer can."""
    return failing(visit) and visit.error_ms_mean is not None and visit.error_ms_mean < FAST * 1000 * r0_s
