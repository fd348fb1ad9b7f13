"""Visits fixed levels, as one would by hand: shows a curve, but confirms nothing."""

from __future__ import annotations

from collections.abc import Sequence

from floodmark.search.order import Order, Search
from floodmark.search.settings import Span
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.outcome import Outcome

SETTLE_S = 2.0


def doubling(last: int) -> list[int]:
    """1, 2, 4, ... up to and including ``last``."""
    levels = [1]
    while levels[-1] * 2 < last:
        levels.append(levels[-1] * 2)
    return [*levels, last] if last > 1 else levels


def fixed_levels(levels: Sequence[int], seconds: float) -> Search:
    """Visit each level once for ``seconds``, after settling."""
    for index, users in enumerate(levels):
        yield Order(
            phase=Phase.STEP,
            users=users,
            think=True,
            settle_s=SETTLE_S,
            span=Span.fixed(seconds),
            most_s=seconds,
            left_s=(len(levels) - index) * (seconds + SETTLE_S),
        )
    return Outcome(end=End.STEPS_DONE, reason="")
