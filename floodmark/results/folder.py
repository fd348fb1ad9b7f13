"""The folder of one run, and the table of all runs beside it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from floodmark.errors import UsageError
from floodmark.results.document import make_folder, read_document
from floodmark.results.schema import (
    HISTOGRAMS,
    PROCESSES,
    PROVENANCE,
    RESULTS,
    RUNS,
    SCHEMA,
    STEPS,
    TIMELINE,
    BucketCount,
    ProcessRow,
    Result,
    Second,
)
from floodmark.results.table import Appender, read_table, write_table, write_text
from floodmark.verdict.visit import Visit


class RunFolder:
    """Writer's side of ``results/<run_id>/``. Rows are appended as they are known; run.json is replaced whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_id = path.name
        self.visits = Appender(path / STEPS, Visit)
        self.timeline = Appender(path / TIMELINE, Second)
        self.histograms = Appender(path / HISTOGRAMS, BucketCount)
        self.processes = Appender(path / PROCESSES, ProcessRow)

    def provenance(self, facts: dict[str, Any]) -> None:
        """Write run.json."""
        write_text(
            self.path / PROVENANCE,
            json.dumps({"schema": SCHEMA, "run_id": self.run_id, **facts}, indent=2) + "\n",
        )

    def results(self, rows: Sequence[Result]) -> None:
        """Write results.csv."""
        write_table(self.path / RESULTS, Result, rows)

    def close(self) -> None:
        for table in (self.visits, self.timeline, self.histograms, self.processes):
            table.close()


def create(root: Path, label: str) -> RunFolder:
    """Make the folder of a new run below ``root``. Raises WriteError."""
    return RunFolder(new_folder(root, label))


def new_folder(root: Path, label: str) -> Path:
    """Make a folder below ``root``: UTC time, label, and a number that makes it unique.

    Raises WriteError.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return make_folder(root, (f"{stamp}-{label}-{number}" for number in itertools.count(1)), "results")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """Reader's side of a run."""

    path: Path
    facts: dict[str, Any]
    visits: list[Visit]

    @property
    def run_id(self) -> str:
        return str(self.facts["run_id"])


def read_facts(path: Path) -> dict[str, Any]:
    """run.json of a run. Raises UsageError where there is none."""
    return read_document(path / PROVENANCE, "run")


def replace_facts(path: Path, facts: dict[str, Any]) -> None:
    """Write run.json of a stored run anew. Raises WriteError."""
    write_text(path / PROVENANCE, json.dumps(facts, indent=2) + "\n")


def read_run(path: Path) -> StoredRun:
    """A run with its visits. Raises UsageError."""
    return StoredRun(path=path, facts=read_facts(path), visits=read_table(path / STEPS, Visit))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run: the row of results/runs.csv."""

    run_id: str
    status: str
    scenario: str
    target: str
    workload: str
    backend: str
    started: str
    ceiling_rps: float | None = None
    ceiling_lo: float | None = None
    ceiling_hi: float | None = None
    knee_users: float | None = None
    knee_inflight: float | None = None
    r0_ms: float | None = None
    generator: str | None = None
    valid: bool = False
    reason: str = ""
    bottleneck: str | None = None


def index(root: Path) -> None:
    """Rebuild results/runs.csv from the folders below ``root``; folders that are no runs are passed over."""
    rows = []
    for path in sorted(p for p in root.iterdir() if (p / PROVENANCE).is_file()):
        try:
            rows.append(_row(path))
        except UsageError:
            continue
    write_table(root / RUNS, RunRow, rows)


def _row(path: Path) -> RunRow:
    facts = read_facts(path)
    results = {r.metric: r for r in read_table(path / RESULTS, Result)} if (path / RESULTS).is_file() else {}
    ceiling = results.get("ceiling_rps")

    def number(metric: str) -> float | None:
        row = results.get(metric)
        return row.value if row is not None and isinstance(row.value, float) else None

    return RunRow(
        run_id=str(facts["run_id"]),
        status=str(facts["status"]),
        scenario=str(facts["scenario"]["name"]),
        target=str(facts["target"]["server"]),
        workload=str(facts["scenario"]["workload"]),
        backend=str(facts["backend"]),
        started=str(facts["started"]),
        ceiling_rps=number("ceiling_rps"),
        ceiling_lo=ceiling.lo if ceiling else None,
        ceiling_hi=ceiling.hi if ceiling else None,
        knee_users=number("knee_users"),
        knee_inflight=number("knee_inflight"),
        r0_ms=number("r0_ms"),
        generator=_word(results.get("generator")),
        valid=bool(ceiling and ceiling.valid and ceiling.value is not None),
        reason=ceiling.reason if ceiling else "",
        bottleneck=_word(results.get("bottleneck")),
    )


def _word(row: Result | None) -> str | None:
    return str(row.value) if row is not None and row.value is not None else None
