"""Shows a sweep as a table and sentences, or as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from floodmark.report.tables import table
from floodmark.sweep.best import Choice, Line, Trial
from floodmark.sweep.grid import Kind
from floodmark.sweep.row import MIB, SWEEP, PointVerdict, SweepRow
from floodmark.sweep.sentences import figure, sentences
from floodmark.sweep.series import Sweep

COLUMNS = ("setting", "ceiling", "knee", "R0 ms", "p95 ms at knee", "CPU cores", "PSS MiB", "generator", "verdict")


def show(console: Console, sweep: Sweep) -> None:
    """Print the table, in the order of the axes, and the sentences."""
    rendered = table(*COLUMNS)
    # Settings vary fastest, so that rows to be compared are next to each other.
    axes = sorted(sweep.axes, key=lambda axis: axis.kind is Kind.SETTING)
    rows = sorted(
        zip(sweep.points, sweep.rows, strict=True),
        key=lambda pair: [axis.values.index(pair[0].choices[axis.key]) for axis in axes],
    )
    for _, row in rows:
        rendered.add_row(*_cells(row))
    console.print(rendered)
    if len(sweep.rows) < sweep.total:
        console.print(f"{len(sweep.rows)} of {sweep.total} settings were measured.", highlight=False)
    for text in sentences(sweep.rows, sweep.judgement, sweep.axes):
        console.print(escape(text), highlight=False, soft_wrap=True)
    console.print(f"{sweep.folder / SWEEP}", highlight=False, soft_wrap=True)


def _cells(row: SweepRow) -> list[str]:
    if row.verdict is not PointVerdict.CONFIRMED:
        verdict = f"[red]{row.verdict}[/red]: {escape(row.reason[:100])}"
    elif row.recommended:
        verdict = "[green]best[/green]" if row.tie else ""
    else:
        verdict = "no different" if row.tie else "less"
    shared = ", shared CPUs" if row.shared_cores else ""
    return [
        escape(row.point or "unchanged"),
        figure(row),
        _text(row.knee_inflight, 2),
        _text(row.r0_ms, 1),
        _text(row.p95_ms, 1),
        _text(row.cpu_cores, 2),
        "" if row.pss_peak_bytes is None else f"{row.pss_peak_bytes / MIB:.0f}",
        f"{row.generator or ''}{shared}",
        verdict,
    ]


def _text(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDocument:
    """A point with its ceiling, for JSON."""

    choices: Mapping[str, str]
    ceiling_rps: float
    lo: float
    hi: float

    @classmethod
    def of(cls, trial: Trial) -> TrialDocument:
        ceiling = trial.ceiling
        assert ceiling is not None
        return cls(choices=trial.choices, ceiling_rps=ceiling.value, lo=ceiling.lo, hi=ceiling.hi)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceDocument:
    """The answer for one budget and one load, for JSON."""

    given: Mapping[str, str]
    recommended: TrialDocument
    highest: TrialDocument
    ties: Sequence[TrialDocument]
    open: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, choice: Choice) -> ChoiceDocument:
        return cls(
            given=choice.given,
            recommended=TrialDocument.of(choice.recommended),
            highest=TrialDocument.of(choice.best),
            ties=[TrialDocument.of(tie) for tie in choice.ties],
            open=[trial.choices for trial in choice.open],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDocument:
    """The effect of more along one axis, for JSON."""

    axis: str
    given: Mapping[str, str]
    tried: Sequence[str]
    enough: str | None
    worse: str | None

    @classmethod
    def of(cls, line: Line) -> LineDocument:
        return cls(axis=line.axis.key, given=line.given, tried=line.tried, enough=line.enough, worse=line.worse)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDocument:
    """A whole sweep, for JSON."""

    folder: str
    axes: Mapping[str, Sequence[str]]
    points: int
    """The number of points measured so far."""
    of: int
    """The number of points in all."""
    rows: Sequence[Mapping[str, object]]
    best: Sequence[ChoiceDocument]
    more: Sequence[LineDocument]
    per_worker_bytes: float | None
    sentences: Sequence[str]


def document(sweep: Sweep) -> SweepDocument:
    """A whole sweep, for JSON."""
    judgement = sweep.judgement
    return SweepDocument(
        folder=str(sweep.folder),
        axes={axis.key: axis.values for axis in sweep.axes},
        points=len(sweep.points),
        of=sweep.total,
        rows=[
            {**dataclasses.asdict(row), "choices": point.choices}
            for row, point in zip(sweep.rows, sweep.points, strict=True)
        ],
        best=[ChoiceDocument.of(choice) for choice in judgement.choices],
        more=[LineDocument.of(line) for line in judgement.lines],
        per_worker_bytes=judgement.per_worker_bytes,
        sentences=sentences(sweep.rows, judgement, sweep.axes),
    )
