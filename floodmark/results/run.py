"""A run that was read from its folder: the one type that everything that shows, compares or judges works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from floodmark.results.record import RunRecord, read_record
from floodmark.results.schema import RESULTS, STEPS, Result
from floodmark.results.table import read_table
from floodmark.verdict.visit import Visit, held


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run without its visits: run.json, and results.csv by metric; empty where the run has no verdict yet."""

    path: Path
    record: RunRecord
    results: Mapping[str, Result] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return self.record.run_id

    def get(self, metric: str) -> Result:
        """The row of a metric; one that says so where it was not measured."""
        return self.results.get(metric) or Result(metric=metric, valid=False, reason="not measured")

    def number(self, metric: str) -> float | None:
        """A metric's value, valid or not; None where it has none."""
        value = self.get(metric).value
        return value if isinstance(value, float) else None

    def word(self, metric: str) -> str | None:
        """A metric's word; None where it has none."""
        value = self.get(metric).value
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(RunSummary):
    """A run with all its visits, in order."""

    visits: Sequence[Visit] = ()

    @property
    def hold_users(self) -> int | None:
        """The level that the search held."""
        return self.record.search.hold_users if self.record.search is not None else None

    @property
    def held(self) -> list[Visit]:
        """The visits that the ceiling is made from."""
        return held(self.visits, self.hold_users)


def read_summary(path: Path) -> RunSummary:
    """A run without its visits. Raises UsageError."""
    return RunSummary(path=path, record=read_record(path), results=read_results(path))


def read_run(path: Path) -> Run:
    """A run with its visits. Raises UsageError."""
    record = read_record(path)
    return Run(path=path, record=record, results=read_results(path), visits=read_table(path / STEPS, Visit))


def read_results(path: Path) -> dict[str, Result]:
    """results.csv by metric, in its order; empty where there is none yet. Raises UsageError."""
    if not (path / RESULTS).is_file():
        return {}
    return {row.metric: row for row in read_table(path / RESULTS, Result)}
