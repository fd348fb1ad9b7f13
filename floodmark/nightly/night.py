"""Carries a night out, visit by visit. The runs' own folders say which visits are done, so a night can be resumed."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.errors import Interrupted
from floodmark.nightly.files import (
    NightRow,
    RoundRow,
    read_night,
    rebuild,
    round_rows,
    write_night,
    write_night_rows,
    write_rounds,
)
from floodmark.nightly.history import Past, alarmed, judge_night, read_past, references
from floodmark.nightly.order import PlannedVisit, order_again
from floodmark.nightly.suite import Setup, Suite
from floodmark.plan.planned_run import PlannedRun
from floodmark.report.failure import show_error
from floodmark.report.progress import TerminalProgress
from floodmark.results.folder import read_facts, read_run
from floodmark.results.schema import PROVENANCE, RESULTS
from floodmark.run.conductor import Conditions, conduct, now
from floodmark.targets.target import Running
from floodmark.verdict.enums import End, Phase

NOISY_CV = 0.03
AGAIN_ROUNDS = 3
JUDGE_S = 5.0

BringUp = Callable[[PlannedRun, Path], Running]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for every visit of a night."""

    bind: tuple[str, int]
    quick: bool
    seed: int
    again: bool


@dataclass(slots=True, kw_only=True)
class Night:
    """A night under way."""

    path: Path
    suite: Suite
    settings: Settings
    conditions: Conditions
    bring_up: BringUp
    console: Console
    _spent_s: float = field(default=0.0, init=False)
    _planned_s: float = field(default=0.0, init=False)

    def carry_out(self) -> list[NightRow]:
        """Make the visits that are left, judge, measure alarms again, and write. Raises Interrupted."""
        facts = read_night(self.path)
        try:
            self._visit_all(facts)
            past = read_past(self.path.parent, self.path.name)
            rows, rounds = self._judge(facts, past, confirm=False)
            alarms = alarmed(rows)
            if alarms and self.settings.again and not any(visit["again"] for visit in facts["visits"]):
                names = [*alarms, *references(rounds, alarms)]
                visits = [PlannedVisit.of(entry) for entry in facts["visits"]]
                more = order_again(names, visits, AGAIN_ROUNDS, self.settings.seed)
                self._say(f"alarm: {', '.join(alarms)}; measured again {AGAIN_ROUNDS} times, with {len(more)} visits")
                facts["visits"] += [dataclasses.asdict(visit) for visit in more]
                write_night(self.path, facts)
            self._visit_all(facts)
            rows, rounds = self._judge(facts, past, confirm=True)
        except Interrupted:
            facts["status"] = "interrupted"
            write_night(self.path, facts)
            raise
        write_rounds(self.path, rounds)
        write_night_rows(self.path, rows)
        facts.update(status="complete", ended=now())
        write_night(self.path, facts)
        rebuild(self.path.parent)
        return rows

    def done(self) -> dict[int, Path]:
        """Folders of the visits that were finished, by number. An interrupted one stays on disk and is made anew."""
        found = {}
        for folder in sorted(p.parent for p in self.path.glob(f"*/{PROVENANCE}")):
            facts = read_facts(folder)
            whole = (folder / RESULTS).is_file()
            if whole and facts.get("status") != "interrupted" and facts.get("night"):
                found[int(facts["night"]["number"])] = folder
        return found

    def estimate_s(self, visits: Sequence[PlannedVisit]) -> float:
        """Time of ``visits`` by plan; those after the first round are short."""
        return sum(self._estimate_s(visit) for visit in visits)

    def _estimate_s(self, visit: PlannedVisit) -> float:
        return self._plan(visit, known_users=2 if visit.round > 1 else None).estimate_s

    def _visit_all(self, facts: dict[str, Any]) -> None:
        visits = [PlannedVisit.of(entry) for entry in facts["visits"]]
        done = self.done()
        left = [visit for visit in visits if visit.number not in done]
        for position, visit in enumerate(left):
            rest_s = self.estimate_s(left[position:])
            if self._planned_s:
                rest_s *= self._spent_s / self._planned_s
            until = time.strftime("%H:%M", time.localtime(time.time() + rest_s))
            kind = "again" if visit.again else f"round {visit.round}"
            self._say(
                f"[bold]{visit.number}/{len(visits)} {visit.setup}[/bold], {kind}; about "
                f"{math.ceil(rest_s / 60)} min left, until {until}"
            )
            self._visit(visit)

    def _visit(self, visit: PlannedVisit) -> None:
        planned = self._plan(visit, self._known_users(visit))
        setup = self._setup(visit)
        place = {
            "night": self.path.name,
            "number": visit.number,
            "round": visit.round,
            "setup": setup.name,
            "role": setup.role,
            "twin_of": setup.twin_of,
            "again": visit.again,
            "short": planned.search.known_users is not None,
        }
        begun = time.monotonic()
        progress = TerminalProgress(self.console)
        conditions = dataclasses.replace(self.conditions, place=place)
        finished = conduct(planned, lambda folder: self.bring_up(planned, folder), conditions, progress)
        if finished.error is not None:
            show_error(self.console, finished.error)
        self._spent_s += time.monotonic() - begun
        self._planned_s += planned.estimate_s

    def _plan(self, visit: PlannedVisit, known_users: int | None) -> PlannedRun:
        settings = self.settings
        planned = self._setup(visit).planned(
            bind=settings.bind, quick=settings.quick, seed=settings.seed + visit.number
        )
        return dataclasses.replace(planned, search=dataclasses.replace(planned.search, known_users=known_users))

    def _setup(self, visit: PlannedVisit) -> Setup:
        return next(setup for setup in self.suite.setups if setup.name == visit.setup)

    def _known_users(self, visit: PlannedVisit) -> int | None:
        """The level that an earlier visit of this night confirmed; None lets the whole search run."""
        if visit.round == 1:
            return None
        for folder in reversed(self.done().values()):
            facts = read_facts(folder)
            if facts["night"]["setup"] == visit.setup and facts["search"]["end"] in {End.FOUND, End.HELD}:
                return int(facts["search"]["hold_users"])
        return None

    def _judge(self, facts: dict[str, Any], past: Past, *, confirm: bool) -> tuple[list[NightRow], list[RoundRow]]:
        folders = [folder for _, folder in sorted(self.done().items())]
        rounds = round_rows(self.path, folders, {folder.name: noisy(folder) for folder in folders})
        rows = judge_night(rounds, past, night=self.path.name, started=facts["started"], confirm=confirm)
        return rows, rounds

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False)


def noisy(folder: Path) -> bool | None:
    """Whether a run's hold visits differ by more than 3 % (coefficient of variation); None for fewer than two."""
    run = read_run(folder)
    users = (run.facts.get("search") or {}).get("hold_users")
    rates = [s.goodput_rps for s in run.visits if s.phase is Phase.HOLD and s.users == users and s.valid]
    if len(rates) < 2:
        return None
    mean = sum(rates) / len(rates)
    return math.sqrt(sum((r - mean) ** 2 for r in rates) / (len(rates) - 1)) > NOISY_CV * mean
