"""Tries the advice of a verdict: one visit to a freshly started server with the changed setting."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
from pathlib import Path

from floodmark.errors import FloodmarkError, Interrupted
from floodmark.plan.planned_run import PlannedRun
from floodmark.protocol.load_settings import LoadSettings
from floodmark.results.conclude import conclude
from floodmark.results.folder import index
from floodmark.results.record import AdviceRecord, write_record
from floodmark.results.run import Run, read_run
from floodmark.run.conductor import Conditions
from floodmark.run.locust_process import LocustProcess
from floodmark.run.progress import Progress
from floodmark.run.single_level import visit_level
from floodmark.search.settings import LevelSettings
from floodmark.targets import servers
from floodmark.targets.cpus import pinned
from floodmark.verdict.advice import Change, change_for, judge_advice
from floodmark.verdict.enums import Advice, Bottleneck, Model
from floodmark.verdict.visit import Visit

SECONDS = 5.0


def verify_advice(folder: Path, planned: PlannedRun, conditions: Conditions, progress: Progress) -> None:
    """Try the advice of the run in ``folder``, and write the result into run.json and results.csv."""
    run = read_run(folder)
    advice = _try(run, planned, conditions, progress)
    write_record(folder, dataclasses.replace(run.record, advice=advice))
    conclude(folder)
    index(conditions.results)


def _try(run: Run, planned: PlannedRun, conditions: Conditions, progress: Progress) -> AdviceRecord:
    level = _judged_level(run)
    if planned.scenario.load.model is Model.OPEN:
        return _not_tried("one rate was offered")
    if planned.target is None or level is None:
        return _not_tried("no level was held")
    users, rate = level
    change = change_for(Bottleneck(run.word("bottleneck") or Bottleneck.UNKNOWN), planned.target.settings)
    if isinstance(change, str):
        return _not_tried(change)
    settings = planned.target.settings
    changes = ", ".join(f"{name} {settings[name]} -> {value}" for name, value in change.settings.items())
    progress.say(f"trying the advice: {changes}, {SECONDS:.0f} s")
    users = round(change.factor * users)
    try:
        visit = _visit(_changed(planned, change), users, conditions, progress, run.path)
    except Interrupted:
        raise
    except FloodmarkError as error:
        note = f"not tried with {changes}: {str(error).splitlines()[0]}"
        return AdviceRecord(word=Advice.NOT_TRIED, change=changes, note=note)
    if visit is None:
        return AdviceRecord(word=Advice.NOT_TRIED, change=changes, note=f"{changes}: the load did not come to a visit")
    expected = "more was expected" if change.rises else "no more was expected"
    return AdviceRecord(
        word=judge_advice(change, rate, visit.goodput_rps),
        change=f"{changes} at {users} users",
        note=f"{changes} gave {visit.goodput_rps:.1f}/s instead of {rate:.1f}/s at {users} users; {expected}",
        goodput_rps=visit.goodput_rps,
        goodput_lo=visit.goodput_lo,
        goodput_hi=visit.goodput_hi,
    )


def _not_tried(reason: str) -> AdviceRecord:
    return AdviceRecord(word=Advice.NOT_TRIED, note=f"not tried: {reason}")


def _judged_level(run: Run) -> tuple[int, float] | None:
    """The judged level and its goodput: the held level with the ceiling, or else the highest level visited."""
    users = run.hold_users or max((visit.users for visit in run.visits), default=0)
    ceiling = run.number("ceiling_rps")
    if ceiling is not None:
        return users, ceiling
    rates = [visit.goodput_rps for visit in run.visits if visit.users == users]
    return (users, statistics.median_high(rates)) if rates else None


def _changed(planned: PlannedRun, change: Change) -> PlannedRun:
    """The run with the change applied. Raises UsageError for a value that the server does not accept."""
    target = planned.target
    assert target is not None
    settings = servers.resolve(target.server, {**target.settings, **change.settings}, "--verify-advice")
    return dataclasses.replace(planned, target=dataclasses.replace(target, settings=settings))


def _visit(planned: PlannedRun, users: int, conditions: Conditions, progress: Progress, folder: Path) -> Visit | None:
    work = folder / "advice"
    work.mkdir()
    try:
        with pinned(conditions.allotment.generator_cpus):
            running = conditions.launcher.up(planned.target, work)
            try:

                def start(settings: LoadSettings, _processes: int) -> LocustProcess:
                    arguments = ["--headless", "--ramp", "search", "--only-summary"]
                    return LocustProcess(
                        planned.locustfile, running.base_url, arguments, settings, work, log=work / "locust.log"
                    )

                settings = dataclasses.replace(planned.load_settings, client=conditions.client)
                level = LevelSettings(users=users, seconds=SECONDS)
                return visit_level(start, settings, level, 1, work / "advice.jsonl")
            finally:
                running.down()
    finally:
        shutil.rmtree(work, ignore_errors=True)
