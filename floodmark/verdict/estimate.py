"""One published figure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its interval, or a word.

    hi None with lo set: censored. valid False: not to be quoted, and why.
    """

    value: float | str | None = None
    lo: float | None = None
    hi: float | None = None
    method: str = ""
    n_visits: int | None = None
    valid: bool = True
    reason: str = ""
