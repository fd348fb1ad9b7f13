"""The knee of a measured curve."""

from __future__ import annotations

from collections.abc import Sequence


def normalised_difference_knee(users: Sequence[float], rates: Sequence[float]) -> float:
    """Users where the curve, with both axes scaled to [0, 1], is highest above the diagonal.

    Satopaa et al., Finding a "Kneedle" in a haystack (2011), for a concave increasing curve, without smoothing. users:
    rising. Where rates do not differ, or there is one level only, the first level.
    """
    low, high = min(rates), max(rates)
    span = users[-1] - users[0]
    if high <= low or span <= 0:
        return users[0]
    best = max(range(len(users)), key=lambda i: (rates[i] - low) / (high - low) - (users[i] - users[0]) / span)
    return users[best]
