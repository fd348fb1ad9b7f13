"""How long a search will take, as far as can be told before it."""

from __future__ import annotations

from floodmark.search.settings import Span
from floodmark.search.state import SearchState

KNEE_GUESS = 4.0
"""Slots assumed where none are known."""


def estimate_s(state: SearchState) -> float:
    """Seconds that the whole search takes, from R0 and the slots known so far."""
    effort, settings = state.settings.effort, state.settings
    z = settings.think_time_s

    def visits_s(span: Span, rounds_s: float, count: float = 1.0, think_s: float = 0.0) -> float:
        least, most = span.expected_s(rounds_s)
        settle = max(effort.settle_min_s, (2.0 if think_s else 1.25) * (rounds_s + think_s))
        return count * (settle + (least + most) / 2 + SPREAD_S)

    r0 = state.r0_s
    total = (
        visits_s(effort.warm, 2 * r0, 3)
        + visits_s(effort.base, r0, 3)
        + visits_s(effort.bracket, 2 * r0, 3)
        + visits_s(effort.place, 2 * r0, 5, z)
        + visits_s(effort.hold, 2 * r0, effort.holds_min + 1)
        + visits_s(effort.verify, 4 * r0, 1, z)
        + effort.recovery_s
    )
    slo_s = effort.trials_max * (effort.trial_s + 4) + 1.5 * effort.confirm_s if settings.slo is not None else 0.0
    return min(state.budget_s, total) + slo_s


SPREAD_S = 0.15
"""Time in which the users of a level start, and the records of the last one come in."""
