"""A stored run, as read from its folder: the type that all reports, comparisons and judgements use."""

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
    """A run without its visits."""

    path: Path
    record: RunRecord
    results: Mapping[str, Result] = field(default_factory=dict)
    """results.csv by metric; empty if the run has no verdict yet."""

    @property
    def run_id(self) -> str:
        return self.record.run_id

    def get(self, metric: str) -> Result:
        """The row of a metric. If it was not measured, the row says so."""
        return self.results.get(metric) or Result(metric=metric, valid=False, reason="not measured")

    def number(self, metric: str) -> float | None:
        """The value of a metric, valid or not; None if it is not a number."""
        value = self.get(metric).value
        return value if isinstance(value, float) else None

    def word(self, metric: str) -> str | None:
        """The value of a metric as text; None if it has none."""
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
        """The visits from which the ceiling is made."""
        return held(self.visits, self.hold_users)


def read_summary(path: Path) -> RunSummary:
    """Read a run without its visits. Raises UsageError."""
    return RunSummary(path=path, record=read_record(path), results=read_results(path))


def read_run(path: Path) -> Run:
    """Read a run with its visits. Raises UsageError."""
    record = read_record(path)
    return Run(path=path, record=record, results=read_results(path), visits=read_table(path / STEPS, Visit))


def read_results(path: Path) -> dict[str, Result]:
    """Read results.csv by metric, in file order; empty if there is none yet. Raises UsageError."""
    if not (path / RESULTS).is_file():
        return {}
    return {row.metric: row for row in read_table(path / RESULTS, Result)}
