"""The conductor of one run: target up, load, target down, verdict. Whatever happens, nothing is left running."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from floodmark.errors import FloodmarkError, Interrupted, NoVerdict, OutOfMemory, TargetError, UsageError
from floodmark.plan.planned_run import PlannedRun
from floodmark.protocol.journal import JournalReader
from floodmark.protocol.load_settings import LoadSettings
from floodmark.report.progress import Progress
from floodmark.results.folder import RunFolder, create, index
from floodmark.results.repeats import write_starts
from floodmark.run.calibrate import NullCeiling, null_ceiling
from floodmark.run.conclude import conclude
from floodmark.run.counts import compare
from floodmark.run.doubling import double, goodput_by_generators, weigh
from floodmark.run.facts import describe
from floodmark.run.follow import Follower
from floodmark.run.locust_process import LocustProcess
from floodmark.run.shared import weigh_shared
from floodmark.run.watch import watch
from floodmark.search.order import Outcome
from floodmark.targets.logs import tail
from floodmark.targets.target import Allotment, Running
from floodmark.verdict.enums import End

POLL_S = 0.2

BringUp = Callable[[Path], Running]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that is over: its folder, and the error it ended with, if any."""

    folder: Path
    error: FloodmarkError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is the same for all runs of a command.

    generators: Locust processes that share the load; client: their kind of user class. backend, why: where targets
    run, and why there. series: the name that repeats of each other share. place: where
    in a night a run stands.
    """

    backend: str
    why: str
    allotment: Allotment
    results: Path
    generators: int = 1
    client: str = "step"
    series: str | None = None
    place: Mapping[str, Any] | None = None


def conduct(planned: PlannedRun, bring_up: BringUp, conditions: Conditions, progress: Progress) -> Finished:
    """Make one run and write its folder.

    An error that is the run's own is returned, so that a series goes on; Interrupted and errors of writing
    are raised, after everything is stopped.
    """
    begun = time.monotonic()
    folder = create(conditions.results, planned.label)
    facts = describe(planned, conditions.backend, conditions.why, conditions.allotment)
    facts["series"] = conditions.series
    facts["night"] = dict(conditions.place) if conditions.place is not None else None
    folder.provenance(facts)
    error: FloodmarkError | None = None
    try:
        with pinned(conditions.allotment.generator_cpus):
            outcome, load_s = _load(planned, bring_up, conditions, progress, folder, facts)
    except FloodmarkError as caught:
        error, outcome, load_s = caught, _outcome_of(caught), float(facts.get("load_s", 0.0))
        facts["status"] = "interrupted" if isinstance(caught, Interrupted) else "failed"
        facts["error"] = str(caught)
        facts["memory"]["exceeded"] = isinstance(caught, OutOfMemory)
    else:
        facts["status"] = "complete"
    finally:
        folder.close()
        progress.close()
    facts["search"] = {"end": outcome.end, "reason": outcome.reason, "hold_users": outcome.hold_users}
    facts["ended"] = now()
    facts["timing"] = {"total_s": round(time.monotonic() - begun, 3), "load_s": load_s}
    folder.provenance(facts)
    verdict = conclude(folder.path)
    index(conditions.results)
    write_starts(conditions.results)
    if isinstance(error, Interrupted):
        raise error
    if error is None and not verdict.confirmed:
        error = NoVerdict(verdict.reason)
    return Finished(folder=folder.path, error=error)


def _load(
    planned: PlannedRun,
    bring_up: BringUp,
    conditions: Conditions,
    progress: Progress,
    folder: RunFolder,
    facts: dict[str, Any],
) -> tuple[Outcome, float]:
    with ExitStack() as stack:
        running = bring_up(folder.path)
        stack.callback(running.down)
        _note_target(facts, running)
        folder.provenance(facts)
        sampler = watch(running, conditions.allotment)
        stack.callback(sampler.stop)
        sampler.start()
        journal = folder.path / "load.jsonl"
        known = _know_generator(planned, conditions, progress, facts)
        settings = dataclasses.replace(
            planned.load_settings,
            journal=journal,
            null_rps=known.rate_rps if known else None,
            shared=conditions.allotment.shared,
        )

        def start(wanted: LoadSettings, processes: int) -> LocustProcess:
            return LocustProcess(
                planned.locustfile,
                running.base_url,
                _arguments(folder.path if processes == conditions.generators else None, processes),
                wanted,
                folder.path,
                folder.path / "locust.log",
                planned.path,
                conditions.client,
                marker=planned.marker,
                home=planned.home,
            )

        locust = start(settings, conditions.generators)
        stack.callback(locust.stop)
        follower = Follower(JournalReader(journal), sampler, folder, progress)
        try:
            outcome = _follow(follower, locust, running, folder.path)
            outcome = compare(planned, conditions.client, follower.counts, outcome, facts)
            held = follower.held(outcome.hold_users)
            outcome = weigh_shared(outcome, held, conditions.allotment, conditions.generators)
            outcome = _doubled(start, settings, outcome, follower, conditions, progress, folder.path, facts)
        finally:
            facts["load_s"] = follower.load_s
        for name in ("load.jsonl", "load.json"):
            (folder.path / name).unlink(missing_ok=True)
    return outcome, float(facts.pop("load_s"))


def _doubled(
    start: Callable[[LoadSettings, int], LocustProcess],
    settings: LoadSettings,
    outcome: Outcome,
    follower: Follower,
    conditions: Conditions,
    progress: Progress,
    folder: Path,
    facts: dict[str, Any],
) -> Outcome:
    if outcome.end is not End.FOUND or outcome.hold_users is None:
        return outcome
    users, generators = outcome.hold_users, conditions.generators
    cpus, hold_rps = len(conditions.allotment.generator_cpus), follower.held_rps(users)
    if cpus >= 2 * generators:
        progress.say("twice the generators at the held level, 10 s; if they give more, twice more")
    goodput_of = goodput_by_generators(start, settings, users, folder)
    doubled = double(goodput_of, users, hold_rps, generators=generators, cpus=cpus)
    facts["generator"]["doubled_rps"] = doubled.goodput_rps
    facts["generator"]["doubled"] = doubled.note
    return weigh(doubled, outcome, hold_rps)


def _know_generator(
    planned: PlannedRun, conditions: Conditions, progress: Progress, facts: dict[str, Any]
) -> NullCeiling | None:
    new_connections = planned.scenario.load.new_connections
    facts["generator"] = {
        "client": conditions.client,
        "processes": conditions.generators,
        "connections": planned.scenario.load.connections,
        "null_rps": None,
        "null_rps_measured": None,
    }
    if planned.home is not None:
        facts["generator"]["client"] = "locustfile"  # what it costs the generator is not known beforehand
        return None
    known = null_ceiling(
        conditions.allotment,
        client=conditions.client,
        new_connections=new_connections,
        generators=conditions.generators,
        announce=lambda: progress.say("measuring what the generator itself can do (once on this host, 6 s)"),
    )
    facts["generator"].update(null_rps=known.rate_rps, null_rps_measured=known.measured)
    return known


def _follow(follower: Follower, locust: LocustProcess, running: Running, folder: Path) -> Outcome:
    """Until the search has ended and Locust with it."""
    while follower.outcome is None:
        code = locust.wait(POLL_S)
        follower.poll()
        failure = _ended(running)
        if failure is not None:
            locust.stop()
            follower.poll()
            failure.log = _log_of(running)
            raise failure
        if code is not None and follower.outcome is None:
            raise _locust_failed(follower, code, folder)
    if locust.wait(20.0) is None:
        locust.stop()
    if follower.outcome.end is End.DIED:
        raise TargetError(f"the target stopped answering: {follower.outcome.reason}", log=_log_of(running))
    if follower.outcome.end is End.FAILED:
        raise FloodmarkError(f"the search failed: {follower.outcome.reason}; see {folder / 'locust.log'}")
    return follower.outcome


def _ended(running: Running) -> TargetError | None:
    """The error of a target that has ended, or that its memory did not suffice."""
    try:
        how = running.ended()
    except OutOfMemory as error:
        return OutOfMemory(f"under load, {error}")
    return None if how is None else TargetError(f"the target ended under load: {how}")


def _locust_failed(follower: Follower, code: int, folder: Path) -> FloodmarkError:
    end = tail(folder / "locust.log")
    if not follower.started:
        return UsageError(f"Locust could not run the locustfile (exit code {code}):\n{end}")
    return FloodmarkError(f"Locust ended before the search did (exit code {code}):\n{end}")


def _log_of(running: Running) -> str:
    fetch: Callable[[], str] | None = getattr(running, "fetch_log", None)
    return fetch() if fetch is not None else tail(running.log_path)


def _arguments(folder: Path | None, generators: int) -> Sequence[str]:
    words = ["--headless", "--ramp", "search", "--only-summary"]
    if folder is not None:
        words += ["--csv", str(folder / "locust")]
    if generators == 1:
        return words
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    where = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    return [*words, "--processes", str(generators), *where]


def _note_target(facts: dict[str, Any], running: Running) -> None:
    effective = running.effective
    facts["target"].update(
        version=effective.version,
        python=effective.python,
        effective=dict(effective.facts),
        pids=list(effective.pids),
        image_digest=running.image_digest,
        url=running.base_url,
    )
    facts["memory"]["enforced"] = running.memory_enforced


def _outcome_of(error: FloodmarkError) -> Outcome:
    end = End.INTERRUPTED if isinstance(error, Interrupted) else End.DIED
    return Outcome(end=end, reason=str(error).splitlines()[0] if str(error) else "")


def now() -> str:
    """This moment, ISO 8601 UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@contextlib.contextmanager
def pinned(cpus: Sequence[int]) -> Iterator[None]:
    """Run this process, and what it starts, on ``cpus``."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cpus))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
