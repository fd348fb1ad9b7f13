"""A published figure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its interval, or a word."""

    value: float | str | None = None
    lo: float | None = None
    hi: float | None = None
    """None with ``lo`` set: censored, so ``lo`` is a lower bound.

    For what depends on the machine's speed, ``lo`` and ``hi`` are of this machine on another day."""
    lo_run: float | None = None
    hi_run: float | None = None
    """The narrower interval of this run alone, where there are two."""
    method: str = ""
    n_visits: int | None = None
    valid: bool = True
    """False: must not be quoted; ``reason`` says why."""
    reason: str = ""
