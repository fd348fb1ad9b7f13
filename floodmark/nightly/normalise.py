"""Removes the effect of the machine: a change that all setups of a group share in a round is not their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ENOUGH = 4
"""With fewer other setups, a change of one of them could pass for one of the machine, so only references count."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """Means by (night, setup). NaN: no valid round, or nothing to compare it with."""

    raw: Array
    """All rounds as measured."""
    adjusted: Array
    """All rounds without the effect of the machine."""
    raw_again: Array
    """Only the rounds measured again, as measured."""
    adjusted_again: Array
    """Only the rounds measured again, without the effect of the machine."""


def normalise(logs: Array, groups: Sequence[str], references: Sequence[bool], rounds: int) -> Normalised:
    """Normalise logarithms by (night, setup, round), with NaN for invalid values.

    From each round of a setup, subtract the median distance of the others in its group from their own levels in that
    round. A change that all share disappears, and a change of the setup alone remains.

    groups: by setup; setups of one group depend on the machine in the same way, such as those of one workload.
    references: by setup, whether it is frozen. If a setup has few others, only references count.
    rounds: the number of regular rounds. In later ones, measured again because of an alarm, only references count too.
    """
    raw = mean(logs, axis=2)
    levels = median(raw, axis=0)
    distances = logs - levels[None, :, None]
    adjusted = np.full(logs.shape, np.nan)
    frozen = np.asarray(references)
    for setup, group in enumerate(groups):
        others = np.asarray([g == group and i != setup for i, g in enumerate(groups)])
        if others.sum() < ENOUGH:
            others &= frozen
        if not others.any():
            continue
        shift = np.full((logs.shape[0], logs.shape[2]), np.nan)
        shift[:, :rounds] = median(distances[:, others, :rounds], axis=1)
        if (others & frozen).any():
            shift[:, rounds:] = median(distances[:, others & frozen, rounds:], axis=1)
        adjusted[:, setup] = logs[:, setup] - shift
    return Normalised(
        raw, mean(adjusted, axis=2), mean(logs[:, :, rounds:], axis=2), mean(adjusted[:, :, rounds:], axis=2)
    )


def mean(values: Array, axis: int) -> Array:
    """Mean without NaN; NaN if there is nothing else."""
    valid = ~np.isnan(values)
    count = valid.sum(axis=axis)
    total = np.where(valid, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def median(values: Array, axis: int) -> Array:
    """Median without NaN; NaN if there is nothing else."""
    ordered = np.moveaxis(np.sort(values, axis=axis), axis, -1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=-1)
    last = ordered.shape[-1] - 1
    if last < 0:
        return np.full(ordered.shape[:-1], np.nan)
    low = np.take_along_axis(ordered, np.maximum(0, (count - 1) // 2)[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(last, count // 2)[..., None], -1)[..., 0]
    return np.where(count > 0, (low + high) / 2, np.nan)
