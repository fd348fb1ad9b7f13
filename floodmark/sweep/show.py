"""The table of a sweep."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.console import Console
from rich.markup import escape

from floodmark.report.tables import table
from floodmark.sweep.best import Choice, Judgement, Line, Trial
from floodmark.sweep.grid import Kind
from floodmark.sweep.row import MIB, SWEEP, Found, SweepRow
from floodmark.sweep.sentences import figure, sentences
from floodmark.sweep.series import Sweep

COLUMNS = ("setting", "ceiling", "knee", "R0 ms", "p95 ms at knee", "CPU cores", "PSS MiB", "generator", "verdict")


def show(console: Console, sweep: Sweep) -> None:
    """Print what was measured: the table in the order of the axes, then what it says."""
    shown = table(*COLUMNS)
    # What is compared stands together.
    axes = sorted(sweep.axes, key=lambda one: one.kind is Kind.SETTING)
    rows = sorted(
        zip(sweep.points, sweep.rows, strict=True),
        key=lambda pair: [one.values.index(pair[0].choices[one.key]) for one in axes],
    )
    for _, row in rows:
        shown.add_row(*_cells(row))
    console.print(shown)
    if len(sweep.rows) < sweep.total:
        console.print(f"{len(sweep.rows)} of {sweep.total} settings were measured.", highlight=False)
    for text in sentences(sweep.rows, sweep.judgement, sweep.axes):
        console.print(escape(text), highlight=False, soft_wrap=True)
    console.print(f"{sweep.folder / SWEEP}", highlight=False, soft_wrap=True)


def _cells(row: SweepRow) -> list[str]:
    if row.verdict is not Found.CONFIRMED:
        said = f"[red]{row.verdict}[/red]: {escape(row.reason[:100])}"
    elif row.recommended:
        said = "[green]best[/green]" if row.tie else ""
    else:
        said = "no different" if row.tie else "less"
    shared = ", shared CPUs" if row.shared_cores else ""
    return [
        escape(row.point or "as it is"),
        figure(row),
        _text(row.knee_inflight, 2),
        _text(row.r0_ms, 1),
        _text(row.p95_ms, 1),
        _text(row.cpu_cores, 2),
        "" if row.pss_peak_bytes is None else f"{row.pss_peak_bytes / MIB:.0f}",
        f"{row.generator or ''}{shared}",
        said,
    ]


def _text(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def document(sweep: Sweep) -> dict[str, Any]:
    """The whole sweep for JSON."""
    return {
        "folder": str(sweep.folder),
        "axes": {one.key: list(one.values) for one in sweep.axes},
        "points": len(sweep.points),
        "of": sweep.total,
        "rows": [
            {**dataclasses.asdict(row), "choices": point.choices}
            for row, point in zip(sweep.rows, sweep.points, strict=True)
        ],
        **_judgement(sweep.judgement),
        "sentences": sentences(sweep.rows, sweep.judgement, sweep.axes),
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "best": [_choice(choice) for choice in judgement.choices],
        "more": [_line(line) for line in judgement.lines],
        "per_worker_bytes": judgement.per_worker_bytes,
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "given": dict(choice.given),
        "recommended": _trial(choice.recommended),
        "highest": _trial(choice.best),
        "ties": [_trial(tie) for tie in choice.ties],
        "open": [dict(trial.choices) for trial in choice.open],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    found = trial.ceiling
    assert found is not None
    return {"choices": dict(trial.choices), "ceiling_rps": found.value, "lo": found.lo, "hi": found.hi}


def _line(line: Line) -> dict[str, Any]:
    return {
        "axis": line.axis.key,
        "given": dict(line.given),
        "tried": list(line.tried),
        "enough": line.enough,
        "worse": line.worse,
    }
