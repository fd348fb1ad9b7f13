"""The goodput curve over users, made monotone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing sequence closest to ``values``, by pooling adjacent violators."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, wa, na), (b, wb, nb) = blocks[-2], blocks[-1]
            blocks[-2:] = [((a * wa + b * wb) / (wa + wb), wa + wb, na + nb)]
    return [value for value, _, length in blocks for _ in range(length)]


def users_reaching(curve: Mapping[int, Sequence[float]], goodput: float) -> float | None:
    """The fewest users that reach ``goodput``, interpolated on the monotone curve; None if no level does.

    ``curve`` holds the goodput of the visits by users.
    """
    levels = sorted(curve)
    means = [sum(curve[n]) / len(curve[n]) for n in levels]
    smooth = isotonic(means, [len(curve[n]) for n in levels])
    below_n, below_x = 0.0, 0.0
    for n, x in zip(levels, smooth, strict=True):
        if x >= goodput:
            return n if x == below_x else below_n + (n - below_n) * (goodput - below_x) / (x - below_x)
        below_n, below_x = n, x
    return None
