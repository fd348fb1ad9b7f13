"""Places of a comparison: a server's place is a range wherever it cannot be told from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.results.schema import Result
from floodmark.verdict.difference import Value, Word, ratio


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

    Two that ``verdict.difference`` cannot tell apart are tied.
    """
    values = [_value(row) for row in ceilings]
    known = [index for index, value in enumerate(values) if value is not None]
    ranked: list[Place | None] = [None] * len(ceilings)
    for index in known:
        others = [other for other in known if other != index]
        words = {other: _word(values[index], values[other]) for other in others}
        above = sum(word is Word.BETTER for word in words.values())
        below = sum(word is Word.WORSE for word in words.values())
        tied = tuple(other for other, word in words.items() if word not in {Word.BETTER, Word.WORSE})
        ranked[index] = Place(1 + above, len(known) - below, tied)
    return ranked


def _word(one: Value | None, other: Value | None) -> Word:
    """What ``other`` is beside ``one``."""
    assert one is not None
    assert other is not None
    return ratio([one], [other]).word


def _value(row: Result | None) -> Value | None:
    """A confirmed number with its half-width."""
    if row is None or not row.valid or not isinstance(row.value, float) or row.value <= 0:
        return None
    if row.lo is None or row.hi is None:
        return None
    return Value(value=row.value, half_width=(row.hi - row.lo) / 2 / row.value)
