"""The part of the page that compares the servers of a workload."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from floodmark.report import cells
from floodmark.report.cells import Cell, significant
from floodmark.report.html import charts, over_time, series
from floodmark.report.html.charts import Scales
from floodmark.report.html.pictures import svg
from floodmark.report.html.series import Row
from floodmark.report.html.symbols import Symbol, symbol
from floodmark.report.html.vega import LOG, log_ticks
from floodmark.report.runs import Subject, Workload
from floodmark.report.vega_lite import Spec
from floodmark.results.schema import Result
from floodmark.verdict.visit import Visit

MOST_NAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A row of the verdict table."""

    id: str
    name: str
    symbol: Symbol
    place: str
    tied: str
    status: str
    cells: list[tuple[str, Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The spread of the ceilings of a server over all its runs."""

    name: str
    runs: int
    confirmed: int
    least: str
    middle: str
    most: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the template needs for a workload. ``document`` is the data for the page's script."""

    id: str
    name: str
    columns: list[str]
    rows: list[TableRow]
    symbols: list[Symbol]
    charted: bool
    quantiles: Sequence[str]
    logs: dict[str, bool]
    pictures: dict[str, Markup]
    null: str
    left_out: list[tuple[str, Visit]]
    history: int
    spread: list[Spread]
    document: Mapping[str, object]


def subject_id(number: int, subject: Subject) -> str:
    return f"server-{number}-{subject.number}"


def compare(number: int, workload: Workload, *, drawn: bool) -> Comparison:
    """The comparison for workload ``number`` of the report. With ``drawn``, it has static pictures if possible."""
    names = [subject.name for subject in workload.subjects]
    data = rows_of(workload)
    scales = Scales.around(data["points"], data["marks"], next((row["goodput"] for row in data["null"]), None))
    specs = {"goodput": charts.goodput(names, scales, data), "latency": charts.latency(names, scales, data)}
    charted = bool(data["points"])
    past = _history(workload)
    cells_by_column = cells.columns(subject.run for subject in workload.subjects)
    document: dict[str, object] = {
        "data": {
            "points": series.columns(data["points"]),
            "levels": series.columns(data["levels"]),
            "marks": data["marks"],
            "null": data["null"],
            "history": series.columns(past),
        }
    }
    if charted:
        axes = {"goodput": scales.goodput, "latency": scales.latency}
        document |= {name: _without_data(spec, scales.users, axes[name]) for name, spec in specs.items()}
    if past:
        document["history"] = _without_data(over_time.history(names, past), None, None)
    return Comparison(
        id=f"workload-{number}",
        name=workload.name,
        columns=list(cells_by_column),
        rows=[_row(number, workload, subject, {name: cell(subject.run) for name, cell in cells_by_column.items()})
              for subject in workload.subjects],
        symbols=[symbol(subject.name, subject.number) for subject in workload.subjects],
        charted=charted,
        quantiles=series.QUANTILES,
        logs={"users": True, "goodput": scales.goodput_type == LOG, "latency": True},
        pictures={
            name: _picture(spec, f"static-{number}-{name}", drawn=drawn and charted) for name, spec in specs.items()
        },
        null=" ".join(row["label"] + "." for row in data["null"]),
        left_out=[(subject.name, visit) for subject in workload.subjects for visit in subject.run.visits
                  if not visit.valid],
        history=len(past),
        spread=[_spread(subject) for subject in workload.subjects if subject.earlier],
        document=document,
    )  # fmt: skip


def _picture(spec: Spec, name: str, *, drawn: bool) -> Markup:
    """The chart as markup; Vega has escaped all text from files."""
    return Markup((svg(spec, name) or "") if drawn else "")


def rows_of(workload: Workload) -> dict[str, list[Row]]:
    """The data of both charts against users."""
    data: dict[str, list[Row]] = {"points": [], "levels": [], "marks": [], "null": null_lines(workload.subjects)}
    for subject in workload.subjects:
        for kind, rows in series.against_users(subject.name, subject.run).items():
            data[kind] += rows
    return data


def null_lines(subjects: Sequence[Subject]) -> list[Row]:
    """The generator's own ceilings, if measured, as a line per distinct value."""
    rates = {subject.record.generator.null_rps for subject in subjects}
    return [
        {"goodput": rate, "label": f"The generator's own ceiling: {significant(rate, 3)} requests/s"}
        for rate in sorted(rate for rate in rates if rate)
    ]


def _without_data(spec: Spec, users: Any, rates: Any) -> Spec:
    """The chart without its data, which all charts of a workload share, and with both kinds of its axes."""
    axes = {
        axis: {**domains, "ticks": log_ticks(*domains[LOG])}
        for axis, domains in (("x", users), ("y", rates))
        if domains is not None
    }
    kept = {key: value for key, value in spec.items() if key != "datasets"}
    return {**kept, "usermeta": {"axes": axes}}


def _row(number: int, workload: Workload, subject: Subject, shown: dict[str, Cell]) -> TableRow:
    status = subject.record.status
    return TableRow(
        id=subject_id(number, subject),
        name=subject.name,
        symbol=symbol(subject.name, subject.number),
        place=str(subject.place or cells.UNKNOWN),
        tied=_names(workload.tied_with(subject)),
        status="" if status == "complete" else status,
        cells=list(shown.items()),
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} others"


def _history(workload: Workload) -> list[Row]:
    """The ceilings of all runs, if any server has more than one run."""
    if not any(subject.earlier for subject in workload.subjects):
        return []
    rows = []
    for subject in workload.subjects:
        rows += [_past(subject.name, old.started, old.ceiling) for old in subject.earlier]
        rows.append(_past(subject.name, subject.record.started, subject.run.results.get("ceiling_rps")))
    return rows


def _past(name: str, started: str, row: Result | None) -> Row:
    value = row.value if row is not None and isinstance(row.value, float) else row.lo if row is not None else None
    text = f"{' '.join(cells.parts(row, 4))} good/s" if row is not None else "no verdict"
    return {
        "server": name,
        "started": round(1000 * datetime.fromisoformat(started).timestamp()),
        "value": value,
        "lo": row.lo if row is not None else None,
        "hi": row.hi if row is not None else None,
        "valid": row is not None and row.valid and value is not None,
        "label": f"{name}, {started[:16].replace('T', ' ')}: {text}",
    }


def _spread(subject: Subject) -> Spread:
    ceilings = [old.ceiling for old in subject.earlier] + [subject.run.results.get("ceiling_rps")]
    values = [row.value for row in ceilings if row is not None and row.valid and isinstance(row.value, float)]

    def text(number: float | None) -> str:
        return cells.UNKNOWN if number is None else significant(number, 4)

    return Spread(
        name=subject.name,
        runs=len(ceilings),
        confirmed=len(values),
        least=text(min(values, default=None)),
        middle=text(statistics.median(values) if values else None),
        most=text(max(values, default=None)),
    )
