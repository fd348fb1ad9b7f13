"""Makes the runs of a sweep, one freshly started server after the other. A point that fails is a row."""

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
    """What has been measured so far. Errors of points are kept for the exit code."""

    folder: Path
    axes: Sequence[Axis]
    total: int
    rows: list[SweepRow] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    exit_codes: list[int] = field(default_factory=list)
    judgement: Judgement = field(default_factory=Judgement)

    def add(self, row: SweepRow, point: Point) -> None:
        """Take a row in, judge anew and write sweep.csv."""
        self.points.append(point)
        self.rows, self.judgement = judged([*self.rows, row], self.points, self.axes)
        write_table(self.folder / SWEEP, SweepRow, self.rows)

    @property
    def exit_code(self) -> int:
        """0 when anything may be recommended, else the first failure's."""
        if self.judgement.choices:
            return 0
        return self.exit_codes[0] if self.exit_codes else NoVerdict.exit_code


def measure(tasks: Sequence[Task], sweep: Sweep, launcher: BackendLauncher, progress: SweepProgress) -> bool:
    """Run every task; False when that was interrupted. What was measured is in ``sweep`` and its file."""
    try:
        for number, task in enumerate(tasks, 1):
            progress.begin(number, task.point.label, sum(left.planned.estimate_s for left in tasks[number - 1 :]))
            row = _point(number, task, sweep, launcher, progress)
            sweep.add(row, task.point)
            progress.end(row)
    except Interrupted:
        progress.close()
        return False
    return True


def _point(number: int, task: Task, sweep: Sweep, launcher: BackendLauncher, progress: SweepProgress) -> SweepRow:
    budget = task.planned.scenario.budget
    own = dataclasses.replace(launcher, allotment=allot(budget.cpus, budget.memory))
    conditions = Conditions(launcher=own, results=sweep.folder)
    begun = time.monotonic()
    done = conduct(task.planned, conditions, progress)
    if done.error is not None:
        sweep.exit_codes.append(done.error.exit_code)
    return sweep_row(
        number,
        task.point.label,
        done.folder,
        done.error,
        generators=conditions.generators,
        seconds=time.monotonic() - begun,
    )
