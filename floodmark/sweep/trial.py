"""Between rows of sweep.csv and what is judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from floodmark.stats.intervals import Interval
from floodmark.sweep.best import Judgement, Trial, judge
from floodmark.sweep.grid import Axis, Point, number
from floodmark.sweep.row import Found, SweepRow

MAY_BE_HIGH = {Found.GENERATOR, Found.NO_VERDICT, Found.ERROR}


def trial(row: SweepRow, point: Point) -> Trial:
    """A measured point; without a number unless it was confirmed within its budget."""
    return Trial(
        choices=point.choices,
        ceiling=_ceiling(row),
        open=row.verdict in MAY_BE_HIGH,
        alone_hi=row.ceiling_alone_hi or row.ceiling_hi or 0.0,
        cost=_cost(row),
        # One that was killed had not come to all it wanted.
        pss_bytes=row.pss_peak_bytes if row.ceiling_rps is not None else None,
    )


def judged(rows: Sequence[SweepRow], points: Sequence[Point], axes: Sequence[Axis]) -> tuple[list[SweepRow], Judgement]:
    """The rows with what they say of each other, and the judgement. points: of the rows, in their order."""
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
    if row.verdict is not Found.CONFIRMED or row.ceiling_rps is None:
        return None
    if row.ceiling_lo is None or row.ceiling_hi is None:
        return None
    return Interval(row.ceiling_rps, row.ceiling_lo, row.ceiling_hi)


def _cost(row: SweepRow) -> tuple[float, ...]:
    """Fewest workers times threads, then fewest workers, then whatever else is numbered."""
    settings = dict(pair.split("=", 1) for pair in row.settings.split() if "=" in pair)
    values = {name: number(value) or 0.0 for name, value in settings.items()}
    workers = values.get("workers", values.get("processes", 1.0))
    return (workers * values.get("threads", 1.0), workers, *values.values(), float(row.cpus), float(row.memory_bytes))
