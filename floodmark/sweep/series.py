"""Makes the runs of a sweep, each on a freshly started server. A point that fails becomes a row, too."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from floodmark.errors import Interrupted, NoVerdict
from floodmark.plan.planned_run import PlannedRun
from floodmark.results.table import write_table
from floodmark.run.conductor import Conditions, conduct
from floodmark.sweep.best import Judgement
from floodmark.sweep.grid import Axis, Point
from floodmark.sweep.progress import SweepProgress
from floodmark.sweep.row import SWEEP, SweepRow, sweep_row
from floodmark.sweep.trial import judged
from floodmark.targets.cpus import allot
from floodmark.targets.launcher import BackendLauncher


@dataclass(frozen=True, slots=True)
class Task:
    """A point and its run."""

    point: Point
    planned: PlannedRun


@dataclass(slots=True, kw_only=True)
class Sweep:
    """A sweep in progress."""

    folder: Path
    axes: Sequence[Axis]
    total: int
    """The number of points in all."""
    rows: list[SweepRow] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    """The points of ``rows``, in the same order."""
    exit_codes: list[int] = field(default_factory=list)
    """Those of failed points."""
    judgement: Judgement = field(default_factory=Judgement)

    def add(self, row: SweepRow, point: Point) -> None:
        """Add a row, judge the sweep again and write sweep.csv."""
        self.points.append(point)
        self.rows, self.judgement = judged([*self.rows, row], self.points, self.axes)
        write_table(self.folder / SWEEP, SweepRow, self.rows)

    @property
    def exit_code(self) -> int:
        """0 if anything can be recommended, else that of the first failure."""
        if self.judgement.choices:
            return 0
        return self.exit_codes[0] if self.exit_codes else NoVerdict.exit_code


def measure(tasks: Sequence[Task], sweep: Sweep, launcher: BackendLauncher, progress: SweepProgress) -> bool:
    """Run all tasks, adding their results to ``sweep`` and its file. Returns False if interrupted."""
    try:
        for number, task in enumerate(tasks, 1):
            progress.begin(number, task.point.label, sum(t.planned.estimate_s for t in tasks[number - 1 :]))
            row = _point(number, task, sweep, launcher, progress)
            sweep.add(row, task.point)
            progress.end(row)
    except Interrupted:
        progress.close()
        return False
    return True


def _point(number: int, task: Task, sweep: Sweep, launcher: BackendLauncher, progress: SweepProgress) -> SweepRow:
    budget = task.planned.scenario.budget
    with_budget = dataclasses.replace(launcher, allotment=allot(budget.cpus, budget.memory))
    conditions = Conditions(launcher=with_budget, results=sweep.folder)
    begun = time.monotonic()
    finished = conduct(task.planned, conditions, progress)
    if finished.error is not None:
        sweep.exit_codes.append(finished.error.exit_code)
    return sweep_row(
        number,
        task.point.label,
        finished.folder,
        finished.error,
        generators=conditions.generators,
        seconds=time.monotonic() - begun,
    )
