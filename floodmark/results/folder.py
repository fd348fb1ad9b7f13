"""The folder of a run, and the table of all runs next to it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from floodmark.errors import UsageError
from floodmark.results.document import make_folder
from floodmark.results.record import PROVENANCE, RunRecord, write_record
from floodmark.results.run import RunSummary, read_summary
from floodmark.results.schema import HISTOGRAMS, PROCESSES, RUNS, STEPS, TIMELINE, BucketCount, ProcessRow, Second
from floodmark.results.table import Appender, write_table
from floodmark.verdict.visit import Visit


class RunFolder:
    """Writes ``results/<run_id>/``. Rows are appended as they come; run.json is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_id = path.name
        self.visits = Appender(path / STEPS, Visit)
        self.timeline = Appender(path / TIMELINE, Second)
        self.histograms = Appender(path / HISTOGRAMS, BucketCount)
        self.processes = Appender(path / PROCESSES, ProcessRow)

    def write_record(self, record: RunRecord) -> None:
        """Replace run.json atomically. Raises WriteError."""
        write_record(self.path, record)

    def close(self) -> None:
        for table in (self.visits, self.timeline, self.histograms, self.processes):
            table.close()


def create(root: Path, label: str) -> RunFolder:
    """Create the folder of a new run in ``root``. Raises WriteError."""
    return RunFolder(new_folder(root, label))


def new_folder(root: Path, label: str) -> Path:
    """Create a folder in ``root``, named by UTC time, label and a number that makes it unique. Raises WriteError."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return make_folder(root, (f"{stamp}-{label}-{number}" for number in itertools.count(1)), "results")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run: a row of results/runs.csv."""

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
    """Rebuild results/runs.csv from the folders in ``root``, skipping those that are not runs."""
    rows = []
    for path in sorted(p for p in root.iterdir() if (p / PROVENANCE).is_file()):
        try:
            rows.append(_row(read_summary(path)))
        except UsageError:
            continue
    write_table(root / RUNS, RunRow, rows)


def _row(run: RunSummary) -> RunRow:
    record, ceiling = run.record, run.results.get("ceiling_rps")
    return RunRow(
        run_id=record.run_id,
        status=record.status,
        scenario=record.scenario.name,
        target=record.target.server,
        workload=record.scenario.workload,
        backend=record.backend,
        started=record.started,
        ceiling_rps=run.number("ceiling_rps"),
        ceiling_lo=ceiling.lo if ceiling else None,
        ceiling_hi=ceiling.hi if ceiling else None,
        knee_users=run.number("knee_users"),
        knee_inflight=run.number("knee_inflight"),
        r0_ms=run.number("r0_ms"),
        generator=run.word("generator"),
        valid=bool(ceiling and ceiling.valid and ceiling.value is not None),
        reason=ceiling.reason if ceiling else "",
        bottleneck=run.word("bottleneck"),
    )
