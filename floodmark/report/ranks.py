"""The places of servers in a comparison. A server that ties with others has a range of places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.results.schema import Result
from floodmark.verdict.difference import Value, Word, ratio


@dataclass(frozen=True, slots=True)
class Place:
    """A range of places."""

    best: int
    worst: int
    tied: tuple[int, ...]
    """The indices of those that it ties with."""

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}-{self.worst}"


def places(ceilings: Sequence[Result | None]) -> list[Place | None]:
    """A place for each confirmed ceiling; None for the others, because bounds are not ranked.

    Two ceilings are tied if ``verdict.difference`` finds no difference.
    """
    values = [_value(row) for row in ceilings]
    confirmed = [index for index, value in enumerate(values) if value is not None]
    ranked: list[Place | None] = [None] * len(ceilings)
    for index in confirmed:
        others = [other for other in confirmed if other != index]
        words = {other: _word(values[index], values[other]) for other in others}
        above = sum(word is Word.BETTER for word in words.values())
        below = sum(word is Word.WORSE for word in words.values())
        tied = tuple(other for other, word in words.items() if word not in {Word.BETTER, Word.WORSE})
        ranked[index] = Place(1 + above, len(confirmed) - below, tied)
    return ranked


def _word(value: Value | None, other: Value | None) -> Word:
    """How ``other`` compares with ``value``."""
    assert value is not None
    assert other is not None
    return ratio([value], [other]).word


def _value(row: Result | None) -> Value | None:
    """The value of a confirmed ceiling with its half-width; None for any other."""
    if row is None or not row.valid or not isinstance(row.value, float) or row.value <= 0:
        return None
    lo, hi = row.in_run
    if lo is None or hi is None:
        return None
    return Value(value=row.value, half_width=(hi - lo) / 2 / row.value)
