"""The hostile clients that run alongside the users of the ``hostile`` workload, from ``FLOODMARK_HOSTILE``."""

from __future__ import annotations

import os

from floodmark.errors import UsageError
from floodmark.hostile.row import Kind

WORKLOAD = "hostile"
VARIABLE = "FLOODMARK_HOSTILE"
DEFAULT = "idle-silent=8"


def asked_for() -> str:
    """The hostile clients asked for, or the default, as ``KIND=N,...``."""
    return os.environ.get(VARIABLE) or DEFAULT


def parse_counts(text: str) -> dict[Kind, int]:
    """Parse ``KIND=N,...``. Raises UsageError."""
    counts: dict[Kind, int] = {}
    for pair in filter(None, text.split(",")):
        name, _, number = pair.partition("=")
        if name not in list(Kind) or not number.isdecimal():
            raise UsageError(f"hostile clients {pair!r}: must be KIND=N, where KIND is one of {', '.join(Kind)}")
        counts[Kind(name)] = int(number)
    return counts
