"""Whether a target has recovered from an overload. A pure function of visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit

LESS, SLOWER = 0.03, 0.10
"""Recovered means goodput within 3 % or latency within 10 % of before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the target did before the overload."""

    ceiling_rps: float
    r_ms: Sequence[float]
    """Mean response times of the base visits."""
    error_share: float = 0.0
    """The greatest of a base visit."""

    @classmethod
    def of(cls, visits: Sequence[Visit], ceiling_rps: float) -> Before:
        """From the base visits among ``visits``."""
        bases = [v for v in visits if v.phase is Phase.BASE]
        return cls(
            ceiling_rps=ceiling_rps,
            r_ms=[v.r_mean_ms for v in bases if v.r_mean_ms is not None],
            error_share=max((v.error_share for v in bases), default=0.0),
        )


def recovered(visit: Visit, before: Before, think_s: float) -> bool:
    """Whether a visit after the overload is as good as the same load was before it.

    In a closed loop, lower goodput and longer response times are two views of the same thing. Only both together count
    as worse, so that noise in one of them does not.
    """
    if not visit.good or visit.r_mean_ms is None:
        return False
    if not before.r_ms:
        return True
    cycle_s = sum(before.r_ms) / len(before.r_ms) / 1000 + think_s
    expected = min(before.ceiling_rps, visit.users / cycle_s)
    less = visit.goodput_rps < (1 - LESS) * expected
    slower = visit.r_mean_ms > (1 + SLOWER) * max(before.r_ms)
    return not (less and slower) and visit.error_share <= LESS + before.error_share
