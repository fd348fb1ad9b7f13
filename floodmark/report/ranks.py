"""Places of a comparison: a server's place is a range wherever intervals do not tell it from others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.results.schema import Result


@dataclass(frozen=True, slots=True)
class Place:
    """From ``best`` to ``worst``; ``tied``: indexes of those it cannot be told from."""

    best: int
    worst: int
    tied: tuple[int, ...]

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}-{self.worst}"


def places(ceilings: Sequence[Result | None]) -> list[Place | None]:
    """A place for each confirmed ceiling, None for the others: a bound is not ranked.

    Two differ where the interval of their difference leaves out 0; whom nothing tells apart is tied.
    """
    known = [index for index, row in enumerate(ceilings) if _interval(row) is not None]
    found: list[Place | None] = [None] * len(ceilings)
    for index in known:
        above = sum(_compare(ceilings[other], ceilings[index]) > 0 for other in known)
        below = sum(_compare(ceilings[other], ceilings[index]) < 0 for other in known)
        tied = tuple(o for o in known if o != index and not _compare(ceilings[o], ceilings[index]))
        found[index] = Place(1 + above, len(known) - below, tied)
    return found


def _compare(one: Result | None, other: Result | None) -> int:
    """Sign of the difference, 0 where it could be none."""
    a, b = _interval(one), _interval(other)
    assert a is not None
    assert b is not None
    if abs(a[0] - b[0]) <= math.hypot(a[1], b[1]):
        return 0
    return 1 if a[0] > b[0] else -1


def _interval(row: Result | None) -> tuple[float, float] | None:
    """Value and half-width of a confirmed number."""
    if row is None or not row.valid or not isinstance(row.value, float) or row.lo is None or row.hi is None:
        return None
    return row.value, (row.hi - row.lo) / 2
