"""Trying what a verdict advises: the same server freshly started with one setting changed, and one visit."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floodmark.errors import FloodmarkError, Interrupted
from floodmark.plan.planned_run import PlannedRun
from floodmark.protocol.load_settings import LoadSettings
from floodmark.report.progress import Progress
from floodmark.results.folder import index, read_facts, read_run, replace_facts
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import read_table
from floodmark.run.conclude import conclude
from floodmark.run.conductor import Conditions, pinned
from floodmark.run.locust_process import LocustProcess
from floodmark.run.single_level import visit_level
from floodmark.search.settings import LevelSettings
from floodmark.targets.target import Running
from floodmark.verdict.advice import Change, change_for, judge_advice
from floodmark.verdict.enums import Advice, Bottleneck, Model
from floodmark.verdict.visit import Visit
from target_apps.server import CatalogError

SECONDS = 5.0

BringUpFor = Callable[[PlannedRun, Progress], Callable[[Path], Running]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    word: Advice
    note: str
    change: str = ""
    visit: Visit | None = None


def verify_advice(
    folder: Path, planned: PlannedRun, bring_up: BringUpFor, conditions: Conditions, progress: Progress
) -> None:
    """Try the advice of the run in ``folder``, and write what came of it into run.json and results.csv."""
    tried = _try(folder, planned, bring_up, conditions, progress)
    facts = read_facts(folder)
    facts["advice"] = {
        "word": tried.word,
        "change": tried.change,
        "note": tried.note,
        "goodput_rps": tried.visit.goodput_rps if tried.visit else None,
        "goodput_lo": tried.visit.goodput_lo if tried.visit else None,
        "goodput_hi": tried.visit.goodput_hi if tried.visit else None,
    }
    replace_facts(folder, facts)
    conclude(folder)
    index(conditions.results)


def _try(folder: Path, planned: PlannedRun, bring_up: BringUpFor, conditions: Conditions, progress: Progress) -> _Tried:
    results = {row.metric: row for row in read_table(folder / RESULTS, Result)}
    named, before = results["bottleneck"], _rate(results, folder)
    if planned.scenario.load.model is Model.OPEN:
        return _Tried(word=Advice.NOT_TRIED, note="not tried: one rate was offered")
    if planned.target is None or before is None:
        return _Tried(word=Advice.NOT_TRIED, note="not tried: no level was held")
    users, rate = before
    word = Bottleneck(str(named.value))
    change = change_for(word, planned.target.settings)
    if isinstance(change, str):
        return _Tried(word=Advice.NOT_TRIED, note=f"not tried: {change}")
    said = ", ".join(f"{name} {planned.target.settings[name]} -> {value}" for name, value in change.settings.items())
    progress.say(f"trying the advice: {said}, {SECONDS:.0f} s")
    users = round(change.factor * users)
    try:
        visit = _visit(_changed(planned, change), users, bring_up, conditions, progress, folder)
    except Interrupted:
        raise
    except (FloodmarkError, CatalogError) as error:
        return _Tried(word=Advice.NOT_TRIED, change=said, note=f"not tried with {said}: {str(error).splitlines()[0]}")
    if visit is None:
        return _Tried(word=Advice.NOT_TRIED, change=said, note=f"{said}: the load did not come to a visit")
    expected = "more was expected" if change.rises else "no more was expected"
    return _Tried(
        word=judge_advice(change, rate, visit.goodput_rps),
        change=f"{said} at {users} users",
        note=f"{said} gave {visit.goodput_rps:.1f}/s instead of {rate:.1f}/s at {users} users; {expected}",
        visit=visit,
    )


def _rate(results: dict[str, Result], folder: Path) -> tuple[int, float] | None:
    """The level that was judged and its goodput: of the ceiling, or of the highest level that was visited."""
    visits = read_run(folder).visits
    users: Any = (read_facts(folder).get("search") or {}).get("hold_users") or max((s.users for s in visits), default=0)
    ceiling = results.get("ceiling_rps")
    if ceiling is not None and isinstance(ceiling.value, float):
        return int(users), ceiling.value
    seen = [s.goodput_rps for s in visits if s.users == users]
    return (int(users), sorted(seen)[len(seen) // 2]) if seen else None


def _changed(planned: PlannedRun, change: Change) -> PlannedRun:
    """Raises CatalogError for a value the server cannot take."""
    assert planned.target is not None
    chosen = {**planned.target.settings, **change.settings}
    settings = planned.target.server.resolve(chosen, "--verify-advice")
    return dataclasses.replace(planned, target=dataclasses.replace(planned.target, settings=settings))


def _visit(
    planned: PlannedRun,
    users: int,
    bring_up: BringUpFor,
    conditions: Conditions,
    progress: Progress,
    folder: Path,
) -> Visit | None:
    work = folder / "advice"
    work.mkdir()
    try:
        with pinned(conditions.allotment.generator_cpus):
            running = bring_up(planned, progress)(work)
            try:

                def start(settings: LoadSettings, _processes: int) -> LocustProcess:
                    words = ["--headless", "--ramp", "search", "--only-summary"]
                    log = work / "locust.log"
                    return LocustProcess(
                        planned.locustfile,
                        running.base_url,
                        words,
                        settings,
                        work,
                        log,
                        planned.path,
                        conditions.client,
                    )

                level = LevelSettings(users=users, seconds=SECONDS)
                return visit_level(start, planned.load_settings, level, 1, work / "advice.jsonl")
            finally:
                running.down()
    finally:
        shutil.rmtree(work, ignore_errors=True)
