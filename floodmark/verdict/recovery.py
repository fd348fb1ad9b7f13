"""Has a target come back after an overload? A pure function of visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit

LESS, SLOWER = 0.03, 0.10
"""What still counts as recovered: goodput within 3 % and latency within 10 % of before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the target did before the overload. r_ms: response times of the base visits."""

    ceiling_rps: float
    r_ms: Sequence[float]

    @classmethod
    def of(cls, visits: Sequence[Visit], ceiling_rps: float) -> Before:
        """From the base visits among ``steps``."""
        bases = [s.r_mean_ms for s in visits if s.phase is Phase.BASE and s.r_mean_ms is not None]
        return cls(ceiling_rps=ceiling_rps, r_ms=bases)


def recovered(visit: Visit, before: Before, think_s: float) -> bool:
    """Whether a visit after the overload shows what the same load gave before it.

    In a closed loop less goodput and longer responses are one thing seen twice; only both together count as worse, so
    that noise in one of them does not.
    """
    if not visit.good or visit.r_mean_ms is None:
        return False
    if not before.r_ms:
        return True
    cycle_s = sum(before.r_ms) / len(before.r_ms) / 1000 + think_s
    expected = min(before.ceiling_rps, visit.users / cycle_s)
    less = visit.goodput_rps < (1 - LESS) * expected
    slower = visit.r_mean_ms > (1 + SLOWER) * max(before.r_ms)
    return not (less and slower) and visit.error_share <= LESS
