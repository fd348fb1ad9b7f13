"""What one measurement gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.results.run import Run
from floodmark.verdict.visit import Visit

Value = float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One metric as it was found."""

    value: Value | None
    lo: float | None = None
    hi: float | None = None
    valid: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one measurement of a case gave.

    metrics: from results.csv, and what the case itself adds. run: where floodmark itself made one. slot_s: how long one
    request of the target holds its slot, o included, from plain clients. notes: facts to print.
    """

    metrics: Mapping[str, Found]
    visits: Sequence[Visit] = ()
    run: Run | None = None
    slot_s: float | None = None
    notes: str = ""

    @property
    def slot(self) -> float:
        assert self.slot_s is not None, "this case measures no slot time"
        return self.slot_s

    def number(self, metric: str) -> float:
        """A metric the truth itself rests on. Raises Missing."""
        found = self.metrics.get(metric)
        if found is None or not isinstance(found.value, float):
            raise Missing(f"floodmark gave no {metric}" + (f": {found.reason}" if found else ""))
        return found.value


class Missing(Exception):  # noqa: N818 - no error of this program
    """Something a row needs is not there; the text says what."""
