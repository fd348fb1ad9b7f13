"""What one run of a strategy says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """ceiling_rps None: it gives no ceiling. lo, hi: its 95 % interval. knee_users, collapses None: it does not say.

    seconds: virtual time taken.
    """

    seconds: float
    ceiling_rps: float | None
    lo: float | None = None
    hi: float | None = None
    knee_users: float | None = None
    collapses: bool | None = None
