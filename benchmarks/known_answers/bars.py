"""Bars: how far from the truth a finding may lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from benchmarks.known_answers.evidence import Found, Value


class Bar(Protocol):
    """How far from the truth a finding may lie."""

    def words(self) -> str: ...
    def holds(self, truth: Value, found: Found) -> bool: ...


@dataclass(frozen=True, slots=True)
class Within:
    """Relative or absolute distance, whichever is more."""

    relative: float
    absolute: float = 0.0

    def words(self) -> str:
        parts = [f"{100 * self.relative:g} %"] if self.relative else []
        return " or ".join([*parts, *([f"{self.absolute:g}"] if self.absolute else [])])

    def holds(self, truth: Value, found: Found) -> bool:
        if not isinstance(truth, float) or not isinstance(found.value, float):
            return False
        return found.valid and abs(found.value - truth) <= max(self.relative * truth, self.absolute)

    def wider(self, factor: float) -> Within:
        return Within(factor * self.relative, factor * self.absolute)


@dataclass(frozen=True, slots=True)
class Same:
    """The very word, or one of several joined by ``|``."""

    def words(self) -> str:
        return "same"

    def holds(self, truth: Value, found: Found) -> bool:
        return found.value is not None and str(found.value) in str(truth).split("|")


@dataclass(frozen=True, slots=True)
class AtMost:
    """No more than the truth, which is a limit here."""

    def words(self) -> str:
        return "at most"

    def holds(self, truth: Value, found: Found) -> bool:
        return isinstance(found.value, float) and isinstance(truth, float) and found.value <= truth


@dataclass(frozen=True, slots=True)
class AtLeast:
    """No less than the truth, which is a limit here; a lower bound counts, as one."""

    def words(self) -> str:
        return "at least"

    def holds(self, truth: Value, found: Found) -> bool:
        return isinstance(found.value, float) and isinstance(truth, float) and found.value >= truth


@dataclass(frozen=True, slots=True)
class Covers:
    """The interval holds the truth, whatever the value."""

    def words(self) -> str:
        return "in the interval"

    def holds(self, truth: Value, found: Found) -> bool:
        if not isinstance(truth, float) or found.lo is None or found.hi is None:
            return False
        return found.valid and found.lo <= truth <= found.hi


@dataclass(frozen=True, slots=True)
class LowerBound:
    """Censored: no valid value, no upper end, and a lower one that does not exceed the truth."""

    def words(self) -> str:
        return "lower bound only"

    def holds(self, truth: Value, found: Found) -> bool:
        if found.valid or found.hi is not None or found.lo is None:
            return False
        return isinstance(truth, float) and found.lo <= 1.03 * truth


@dataclass(frozen=True, slots=True)
class NoNumber:
    """No valid value."""

    def words(self) -> str:
        return "never a valid number"

    def holds(self, truth: Value, found: Found) -> bool:
        return not found.valid
