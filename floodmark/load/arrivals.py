"""The open model's schedule: when requests are meant to be sent, whether or not anything is ready for them.

Every process of a run makes the same seeded schedule from the same start and takes every k-th arrival of it, so
that the load is the same, arrival by arrival, however many processes share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from floodmark.verdict.enums import Spacing

CHUNK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Arrivals at ``rate_rps`` from ``start``, epoch s, on. The same seed gives the same times."""

    rate_rps: float
    start: float
    spacing: Spacing
    seed: int

    def wire(self) -> dict[str, Any]:
        """Wire form."""
        return asdict(self)

    @classmethod
    def from_wire(cls, wire: dict[str, Any] | None) -> Schedule | None:
        return None if wire is None else cls(**{**wire, "spacing": Spacing(wire["spacing"])})


@dataclass(frozen=True, slots=True)
class Share:
    """Which arrivals this process takes: those whose number leaves ``index`` when divided by ``count``."""

    index: int = 0
    count: int = 1


class Arrival(NamedTuple):
    """One request that is to be sent."""

    number: int
    """In the whole schedule, from 0."""
    at: float
    """Intended time, epoch s."""


class Arrivals:
    """One process's share of a schedule, in order of time."""

    def __init__(self, schedule: Schedule, share: Share) -> None:
        self.schedule = schedule
        self._ahead = _walk(schedule, share)
        self._next = next(self._ahead)

    @property
    def next_at(self) -> float:
        """When the next arrival is due, epoch s."""
        return self._next.at

    def until(self, now: float) -> Iterator[Arrival]:
        """Take every arrival that is due."""
        while self._next.at <= now:
            due, self._next = self._next, next(self._ahead)
            yield due


def _walk(schedule: Schedule, share: Share) -> Iterator[Arrival]:
    random = np.random.default_rng(schedule.seed)
    spacing_s = 1 / schedule.rate_rps
    first, offset_s = 0, 0.0
    while True:
        offsets: NDArray[np.float64]
        if schedule.spacing is Spacing.POISSON:
            offsets = offset_s + np.cumsum(random.exponential(spacing_s, CHUNK))
            offset_s = float(offsets[-1])
        else:
            offsets = np.arange(first + 1, first + CHUNK + 1, dtype=np.float64) * spacing_s
        mine = (share.index - first) % share.count
        for number, offset in zip(
            range(first + mine, first + CHUNK, share.count), offsets[mine :: share.count].tolist(), strict=True
        ):
            yield Arrival(number, schedule.start + offset)
        first += CHUNK
