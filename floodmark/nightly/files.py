"""The files of nights: night.json, rounds.csv and night.csv of each, and nights.csv of all."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from floodmark.compare.enums import Finding, Role
from floodmark.compare.inputs import Start, likeness, read_start
from floodmark.nightly.order import PlannedVisit
from floodmark.nightly.suite import SuiteDefinition
from floodmark.results.document import make_folder, read_document, write_document
from floodmark.results.provenance import config_hash
from floodmark.results.record import HostRecord, Revision
from floodmark.results.table import read_table, write_table

NIGHT = "night.json"
NIGHT_SCHEMA = 1
ROUNDS = "rounds.csv"
NIGHT_ROWS = "night.csv"
NIGHTS = "nights.csv"
SUMMARY = "summary.md"
TREND = "trend.html"
FOLDER = "nightly"
"""The folder of all nights, in the results folder."""
METRICS = {"ceiling_rps": False, "r0_ms": True}
"""The metrics that are judged, and whether less is better."""


class NightStatus(StrEnum):
    """How far a night got."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSettings:
    """Settings of all visits of a night."""

    bind: str
    """HOST:PORT."""
    quick: bool = False
    seed: int
    again: bool = True
    """Whether alarms are measured again."""
    backend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRecord:
    """night.json: everything that is needed to resume a night."""

    schema: int = NIGHT_SCHEMA
    night: str
    status: NightStatus
    started: str
    ended: str | None = None
    suite: SuiteDefinition
    settings: NightSettings
    host: HostRecord = field(default_factory=HostRecord)
    floodmark: Revision = field(default_factory=Revision)
    python: str = ""
    python_build: str = ""
    packages: Mapping[str, str | None] = field(default_factory=dict)
    visits: tuple[PlannedVisit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRow:
    """A metric of one visit to a setup: a row of rounds.csv, in the order of its columns."""

    night: str
    setup: str
    role: Role
    twin_of: str = ""
    workload: str
    round: int
    again: bool
    """Measured again because of an alarm."""
    run_id: str
    metric: str
    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    unit: str = ""
    valid: bool
    noisy: bool | None = None
    """Whether the hold visits of the run differ by more than 3 %."""
    reason: str = ""
    series: str
    """Equal for runs that may be compared over nights."""
    server_version: str | None = None
    app_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRow:
    """A metric of a setup in one night: a row of night.csv and nights.csv, in the order of their columns."""

    night: str
    started: str
    setup: str
    role: Role
    twin_of: str = ""
    workload: str
    metric: str
    value: float | None = None
    """Geometric mean of the valid rounds."""
    lo: float | None = None
    """``lo`` and ``hi`` bound its interval from the spread between rounds."""
    hi: float | None = None
    unit: str = ""
    n_rounds: int
    n_valid: int
    finding: Finding
    tier: str = ""
    ratio: float | None = None
    """Tonight over the value expected from the last ``nights`` valid nights."""
    lowest: float | None = None
    """The worst ratio that is still fine."""
    p: float | None = None
    nights: int = 0
    since: str = ""
    """The night in which the change began."""
    normalised: bool = False
    """Whether the effect of the machine has been removed."""
    again: bool = False
    """Whether there is a second measurement of the same night."""
    twins_apart: bool | None = None
    """Whether tonight's rule claims a difference between this setup and its twin."""
    reason: str = ""
    series: str = ""
    server_version: str | None = None
    app_hash: str | None = None
    twin_sd: float | None = None
    """Of a twin: standard deviation between nights of one setup, as the differences of both show it."""
    assumed_sd: float | None = None
    """What is assumed of every setup before its own nights tell."""


def night_folders(root: Path) -> list[Path]:
    """All nights in ``root``, oldest first."""
    if not root.is_dir():
        return []
    return sorted((p for p in root.iterdir() if (p / NIGHT).is_file()), key=_order)


def _order(path: Path) -> tuple[str, int]:
    date, _, number = path.name[:10], path.name[10:11], path.name[11:]
    return date, int(number) if number.isdecimal() else 1


def create_night(root: Path, date: str) -> Path:
    """Create the folder of a new night, named by its date, with a number if the date is taken. Raises WriteError."""
    names = (date if number == 1 else f"{date}-{number}" for number in itertools.count(1))
    return make_folder(root, names, "nights")


def read_night(path: Path) -> NightRecord:
    """Read night.json. Raises UsageError if it is missing or cannot be read."""
    return read_document(path / NIGHT, NightRecord, "night", range(NIGHT_SCHEMA, NIGHT_SCHEMA + 1))


def write_night(path: Path, record: NightRecord) -> None:
    """Replace night.json atomically. Raises WriteError."""
    write_document(path / NIGHT, record)


def round_rows(path: Path, runs: Iterable[Path], noisy: dict[str, bool | None]) -> list[RoundRow]:
    """The rows of rounds.csv from the folders of a night's runs. ``noisy`` is by run id."""
    rows: list[RoundRow] = []
    for folder in runs:
        start = read_start(folder)
        series, run_id = config_hash(likeness(start.run.record)), start.run.run_id
        rows += [_round_row(path.name, start, metric, series, noisy.get(run_id)) for metric in METRICS]
    return rows


def _round_row(night: str, start: Start, metric: str, series: str, noisy: bool | None) -> RoundRow:
    run, place = start.run, start.run.record.night
    assert place is not None
    row = run.results.get(metric)
    value = row.value if row is not None and isinstance(row.value, float) and row.value > 0 else None
    valid = row is not None and row.valid and value is not None
    reason = row.reason if row is not None else run.record.error or "no result"
    if metric != "ceiling_rps" and valid:
        # R0 counts only if the search of its run succeeded.
        ceiling = run.results.get("ceiling_rps")
        valid = ceiling is not None and ceiling.valid
        reason = "" if valid or ceiling is None else ceiling.reason
    return RoundRow(
        night=night,
        setup=start.name,
        role=Role(start.role),
        twin_of=place.twin_of or "",
        workload=start.group,
        round=place.round,
        again=start.again,
        run_id=run.run_id,
        metric=metric,
        value=value,
        lo=row.in_run[0] if row is not None else None,
        hi=row.in_run[1] if row is not None else None,
        unit=row.unit if row is not None else "",
        valid=valid,
        noisy=noisy,
        reason="" if valid else reason,
        series=series,
        server_version=run.record.target.version,
        app_hash=run.record.app_hash,
    )


def write_rounds(path: Path, rows: Sequence[RoundRow]) -> None:
    write_table(path / ROUNDS, RoundRow, rows)


def read_rounds(path: Path) -> list[RoundRow]:
    """Read rounds.csv of a night; empty if the night was never finished."""
    return read_table(path / ROUNDS, RoundRow) if (path / ROUNDS).is_file() else []


def write_night_rows(path: Path, rows: Sequence[NightRow]) -> None:
    write_table(path / NIGHT_ROWS, NightRow, rows)


def read_night_rows(path: Path) -> list[NightRow]:
    """Read night.csv of a night; empty if the night was never finished."""
    return read_table(path / NIGHT_ROWS, NightRow) if (path / NIGHT_ROWS).is_file() else []


def rebuild(root: Path) -> list[NightRow]:
    """Rebuild nights.csv from the nights in ``root``."""
    rows = [row for folder in night_folders(root) for row in read_night_rows(folder)]
    write_table(root / NIGHTS, NightRow, rows)
    return rows


def plain(row: NightRow) -> dict[str, object]:
    """A row for JSON."""
    return dataclasses.asdict(row)
