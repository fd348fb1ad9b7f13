"""Takes the machine out of nights: what all setups of a kind share in a round is none of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ENOUGH = 4
"""Fewer others than this let a change of one of them pass for the machine's: then only references count."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """Per night and setup: the mean of its rounds as measured, the same without the machine, and both for the rounds
    alone that were measured again. NaN where there is no valid round, or nothing to compare it with.
    """

    raw: Array
    adjusted: Array
    raw_again: Array
    adjusted_again: Array


def normalise(logs: Array, groups: Sequence[str], references: Sequence[bool], rounds: int) -> Normalised:
    """Normalise logarithms by night, setup and round, NaN where not valid.

    groups: what depends on the machine alike, such as setups of one workload. Of each setup's round the median, over
    all others of its group, of their distances from their own level is taken off; so a change of its own stays, and
    one that all share goes. references: setups that are frozen; where others are few, only they count. rounds: rounds
    everything takes part in; the later ones are measured again because of an alarm, and there too only references tell
    what the machine did.
    """
    raw = mean(logs, axis=2)
    levels = median(raw, axis=0)
    distances = logs - levels[None, :, None]
    without = np.full(logs.shape, np.nan)
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
        without[:, setup] = logs[:, setup] - shift
    return Normalised(
        raw, mean(without, axis=2), mean(logs[:, :, rounds:], axis=2), mean(without[:, :, rounds:], axis=2)
    )


def mean(values: Array, axis: int) -> Array:
    """Mean of what is there; NaN where nothing is."""
    there = ~np.isnan(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def median(values: Array, axis: int) -> Array:
    """Median of what is there; NaN where nothing is."""
    ordered = np.moveaxis(np.sort(values, axis=axis), axis, -1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=-1)
    last = ordered.shape[-1] - 1
    if last < 0:
        return np.full(ordered.shape[:-1], np.nan)
    low = np.take_along_axis(ordered, np.maximum(0, (count - 1) // 2)[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(last, count // 2)[..., None], -1)[..., 0]
    return np.where(count > 0, (low + high) / 2, np.nan)
