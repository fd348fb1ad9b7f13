"""Converts rows of sweep.csv to trials, and marks the rows with the judgement."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from floodmark.stats.intervals import Interval
from floodmark.sweep.best import Judgement, Trial, judge
from floodmark.sweep.grid import Axis, Point, number
from floodmark.sweep.row import PointVerdict, SweepRow

MAY_BE_HIGH = {PointVerdict.GENERATOR, PointVerdict.NO_VERDICT, PointVerdict.ERROR}


def trial(row: SweepRow, point: Point) -> Trial:
    """The trial of a row. It has a ceiling only if the row is confirmed within its budget."""
    return Trial(
        choices=point.choices,
        ceiling=_ceiling(row),
        open=row.verdict in MAY_BE_HIGH,
        alone_hi=row.ceiling_alone_hi or row.ceiling_hi or 0.0,
        cost=_cost(row),
        # A target that was killed had not reached all the memory it wanted.
        pss_bytes=row.pss_peak_bytes if row.ceiling_rps is not None else None,
    )


def judged(rows: Sequence[SweepRow], points: Sequence[Point], axes: Sequence[Axis]) -> tuple[list[SweepRow], Judgement]:
    """The rows with ``tie`` and ``recommended`` set, and the judgement. ``points`` are those of the rows, in order."""
    trials = [trial(row, point) for row, point in zip(rows, points, strict=True)]
    judgement = judge(trials, axes)
    ties = {id(t) for choice in judgement.choices for t in (choice.best, *choice.ties)}
    recommended = {id(choice.recommended) for choice in judgement.choices}
    marked = [
        dataclasses.replace(row, tie=id(t) in ties, recommended=id(t) in recommended)
        if t.ceiling is not None
        else dataclasses.replace(row, tie=None, recommended=None)
        for row, t in zip(rows, trials, strict=True)
    ]
    return marked, judgement


def _ceiling(row: SweepRow) -> Interval | None:
    if row.verdict is not PointVerdict.CONFIRMED or row.ceiling_rps is None:
        return None
    if row.ceiling_lo is None or row.ceiling_hi is None:
        return None
    return Interval(row.ceiling_rps, row.ceiling_lo, row.ceiling_hi)


def _cost(row: SweepRow) -> tuple[float, ...]:
    """The sort key of cost: workers times threads, then workers, then all other numeric settings."""
    settings = dict(pair.split("=", 1) for pair in row.settings.split() if "=" in pair)
    values = {name: number(value) or 0.0 for name, value in settings.items()}
    workers = values.get("workers", values.get("processes", 1.0))
    return (workers * values.get("threads", 1.0), workers, *values.values(), float(row.cpus), float(row.memory_bytes))
