"""Carries out a night visit by visit. The folders of its runs show which visits are done, so it can be resumed."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from floodmark.errors import Interrupted
from floodmark.nightly.files import (
    SUMMARY,
    TREND,
    NightRecord,
    NightRow,
    NightStatus,
    RoundRow,
    night_folders,
    read_night_rows,
    rebuild,
    round_rows,
    write_night,
    write_night_rows,
    write_rounds,
)
from floodmark.nightly.history import Past, alarmed, judge_night, read_past, references
from floodmark.nightly.order import PlannedVisit, order_again
from floodmark.nightly.suite import Setup, Suite
from floodmark.nightly.summary import markdown
from floodmark.nightly.trend import page
from floodmark.plan.planned_run import PlannedRun
from floodmark.report.failure import show_error
from floodmark.report.progress import TerminalProgress
from floodmark.results.outcome import judged_outcome
from floodmark.results.record import PROVENANCE, NightPlace, Status
from floodmark.results.run import Run, read_run, read_summary
from floodmark.results.schema import RESULTS
from floodmark.results.table import write_text
from floodmark.run.conductor import Conditions, conduct
from floodmark.run.describe import now
from floodmark.verdict.enums import End

NOISY_CV = 0.03
AGAIN_ROUNDS = 3
JUDGE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NightResult:
    """The result of a night."""

    rows: Sequence[NightRow]
    history: Sequence[NightRow]
    """The rows of all nights, including this one."""
    summary: str
    """Markdown."""


@dataclass(slots=True, kw_only=True)
class Night:
    """A night in progress."""

    path: Path
    record: NightRecord
    suite: Suite
    bind: tuple[str, int]
    conditions: Conditions
    console: Console
    _spent_s: float = field(default=0.0, init=False)
    _planned_s: float = field(default=0.0, init=False)

    def carry_out(self) -> NightResult:
        """Make the remaining visits, judge them, measure alarms again, and write the files. Raises Interrupted."""
        try:
            self._visit_all()
            past = read_past(self.path.parent, self.path.name)
            rows, rounds = self._judge(past, confirm=False)
            alarms = alarmed(rows)
            if alarms and self.record.settings.again and not any(visit.again for visit in self.record.visits):
                names = [*alarms, *references(rounds, alarms)]
                more = order_again(names, self.record.visits, AGAIN_ROUNDS, self.record.settings.seed)
                self._say(f"alarm: {', '.join(alarms)}; measuring again {AGAIN_ROUNDS} times ({len(more)} visits)")
                self._note(visits=(*self.record.visits, *more))
            self._visit_all()
            rows, rounds = self._judge(past, confirm=True)
        except Interrupted:
            self._note(status=NightStatus.INTERRUPTED)
            raise
        write_rounds(self.path, rounds)
        write_night_rows(self.path, rows)
        self._note(status=NightStatus.COMPLETE, ended=now())
        rebuild(self.path.parent)
        return self._sum_up(rows)

    def _sum_up(self, rows: Sequence[NightRow]) -> NightResult:
        """Write the summary of the night and the trend of all nights."""
        root = self.path.parent
        history = [row for folder in night_folders(root) for row in read_night_rows(folder)]
        summary = markdown(self.path, rows, history)
        write_text(self.path / SUMMARY, summary)
        write_text(root / TREND, page(history))
        return NightResult(rows=rows, history=history, summary=summary)

    def _note(self, **changes: object) -> None:
        self.record = dataclasses.replace(self.record, **changes)  # type: ignore[arg-type]
        write_night(self.path, self.record)

    def done(self) -> dict[int, Path]:
        """The folders of finished visits by number. An interrupted visit stays on disk and is repeated."""
        finished = {}
        for folder in sorted(p.parent for p in self.path.glob(f"*/{PROVENANCE}")):
            record = read_summary(folder).record
            has_results = (folder / RESULTS).is_file()
            if has_results and record.status is not Status.INTERRUPTED and record.night is not None:
                finished[record.night.number] = folder
        return finished

    def estimate_s(self, visits: Sequence[PlannedVisit]) -> float:
        """The planned duration of ``visits``. Those after the first round are short."""
        return sum(self._estimate_s(visit) for visit in visits)

    def _estimate_s(self, visit: PlannedVisit) -> float:
        return self._plan(visit, (2, False) if visit.round > 1 else None).estimate_s

    def _visit_all(self) -> None:
        visits, done = self.record.visits, self.done()
        remaining = [visit for visit in visits if visit.number not in done]
        for position, visit in enumerate(remaining):
            remaining_s = self.estimate_s(remaining[position:])
            if self._planned_s:
                remaining_s *= self._spent_s / self._planned_s
            until = time.strftime("%H:%M", time.localtime(time.time() + remaining_s))
            kind = "again" if visit.again else f"round {visit.round}"
            self._say(
                f"[bold]{visit.number}/{len(visits)} {visit.setup}[/bold], {kind}; about "
                f"{math.ceil(remaining_s / 60)} min left, until {until}"
            )
            self._visit(visit)

    def _visit(self, visit: PlannedVisit) -> None:
        planned = self._plan(visit, self._known_level(visit))
        setup = self._setup(visit)
        place = NightPlace(
            night=self.path.name,
            number=visit.number,
            round=visit.round,
            setup=setup.name,
            role=setup.role,
            twin_of=setup.twin_of,
            again=visit.again,
            short=planned.search.known_users is not None,
        )
        begun = time.monotonic()
        finished = conduct(planned, dataclasses.replace(self.conditions, place=place), TerminalProgress(self.console))
        if finished.error is not None:
            show_error(self.console, finished.error)
        self._spent_s += time.monotonic() - begun
        self._planned_s += planned.estimate_s

    def _plan(self, visit: PlannedVisit, known: tuple[int, bool] | None) -> PlannedRun:
        settings = self.record.settings
        planned = self._setup(visit).planned(bind=self.bind, quick=settings.quick, seed=settings.seed + visit.number)
        if known is None:
            return planned
        users, think = known
        return dataclasses.replace(
            planned, search=dataclasses.replace(planned.search, known_users=users, known_think=think)
        )

    def _setup(self, visit: PlannedVisit) -> Setup:
        return next(setup for setup in self.suite.setups if setup.name == visit.setup)

    def _known_level(self, visit: PlannedVisit) -> tuple[int, bool] | None:
        """The level that an earlier visit of this night confirmed; None to run the whole search.

        That is its users, and whether they took their think time.
        """
        if visit.round == 1:
            return None
        for folder in reversed(self.done().values()):
            run = read_run(folder)
            place = run.record.night
            if place is not None and place.setup == visit.setup and judged_outcome(run).end in {End.FOUND, End.HELD}:
                return None if run.hold_users is None else (run.hold_users, any(v.think_s for v in run.held))
        return None

    def _judge(self, past: Past, *, confirm: bool) -> tuple[list[NightRow], list[RoundRow]]:
        folders = [folder for _, folder in sorted(self.done().items())]
        rounds = round_rows(self.path, folders, {folder.name: noisy(read_run(folder)) for folder in folders})
        rows = judge_night(rounds, past, night=self.path.name, started=self.record.started, confirm=confirm)
        return rows, rounds

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False)


def noisy(run: Run) -> bool | None:
    """Whether the hold visits of a run vary by more than 3 % (coefficient of variation); None for fewer than two."""
    rates = [visit.goodput_rps for visit in run.held]
    if len(rates) < 2:
        return None
    return statistics.stdev(rates) > NOISY_CV * statistics.fmean(rates)
