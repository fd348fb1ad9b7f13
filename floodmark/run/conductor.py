"""The conductor of a run: starts the target, loads it, and stops it. Whatever happens, nothing is left running.

It stores what was measured and judges nothing; ``results.conclude`` applies every judgement to the files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from floodmark.errors import FloodmarkError, Interrupted, NoVerdict, OutOfMemory, TargetError, UsageError
from floodmark.plan.planned_run import PlannedRun
from floodmark.protocol.journal import JournalReader
from floodmark.protocol.load_settings import Client, LoadSettings
from floodmark.results.conclude import conclude
from floodmark.results.folder import RunFolder, create, index
from floodmark.results.outcome import LOCUSTFILE
from floodmark.results.record import (
    GeneratorRecord,
    NightPlace,
    PaceRecord,
    RunRecord,
    SearchRecord,
    Status,
    TargetRecord,
    Timing,
)
from floodmark.results.repeats import write_starts
from floodmark.run.calibrate import NullCeiling, null_ceiling
from floodmark.run.describe import describe, now
from floodmark.run.doubling import double, goodput_by_generators
from floodmark.run.follow import Follower
from floodmark.run.locust_process import LocustProcess, processes
from floodmark.run.machine import Machine, remember, this_machine
from floodmark.run.progress import Progress
from floodmark.sampling.pace import PaceWitness
from floodmark.sampling.sampler import Sampler
from floodmark.targets.cpus import pinned
from floodmark.targets.launcher import Launcher
from floodmark.targets.logs import tail
from floodmark.targets.target import Allotment, Running
from floodmark.verdict.enums import End
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.rate import Sustained
from floodmark.verdict.saturation import Saturation

POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A finished run: its folder, and the error that it ended with, if any."""

    folder: Path
    error: FloodmarkError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The conditions that all runs of a command share."""

    launcher: Launcher
    results: Path
    generators: int = 1
    """Locust processes that share the load."""
    client: Client = Client.STEP
    series: str | None = None
    """The name that all repeats of a run share."""
    place: NightPlace | None = None
    """The place of the run in a night."""

    @property
    def allotment(self) -> Allotment:
        return self.launcher.allotment


class _Draft:
    """The record of a run in progress. Every note is written to run.json at once, in case the run ends abruptly."""

    def __init__(self, folder: RunFolder, record: RunRecord) -> None:
        self._folder = folder
        self.record = record
        folder.write_record(record)

    def note(self, **changes: Any) -> None:
        """Replace fields of the record. Raises WriteError."""
        self.record = dataclasses.replace(self.record, **changes)
        self._folder.write_record(self.record)


def conduct(planned: PlannedRun, conditions: Conditions, progress: Progress) -> Finished:
    """Make a run and write its folder.

    An error of the run itself is returned, so that a series continues. Interrupted and WriteError are raised, after
    everything has been stopped.
    """
    begun = time.monotonic()
    folder = create(conditions.results, planned.label)
    record = describe(planned, folder.run_id, conditions.launcher)
    draft = _Draft(folder, dataclasses.replace(record, series=conditions.series, night=conditions.place))
    error: FloodmarkError | None = None
    ended = SearchRecord()
    status = Status.COMPLETE
    try:
        with pinned(conditions.allotment.generator_cpus):
            ended = _load(planned, conditions, progress, folder, draft)
    except FloodmarkError as caught:
        error, ended = caught, _ended_by(caught)
        status = Status.INTERRUPTED if isinstance(caught, Interrupted) else Status.FAILED
        memory = dataclasses.replace(draft.record.memory, exceeded=isinstance(caught, OutOfMemory))
        draft.note(error=str(caught), memory=memory)
    finally:
        folder.close()
        progress.close()
    load_s = draft.record.timing.load_s if draft.record.timing is not None else 0.0
    draft.note(
        status=status,
        search=ended,
        ended=now(),
        timing=Timing(total_s=round(time.monotonic() - begun, 3), load_s=load_s),
    )
    verdict = conclude(folder.path)
    index(conditions.results)
    write_starts(conditions.results)
    if isinstance(error, Interrupted):
        raise Interrupted(f"{error}{_best_so_far(verdict)}") from error
    if error is None and not verdict.confirmed:
        error = NoVerdict(verdict.reason)
    return Finished(folder=folder.path, error=error)


def _best_so_far(verdict: Saturation | Sustained) -> str:
    """What an interrupted search has found, to end the message with; empty if it is nothing."""
    ceiling = verdict.ceiling_rps if isinstance(verdict, Saturation) else None
    if ceiling is None or not isinstance(ceiling.value, float) or ceiling.lo is None:
        return ""
    end = f"{ceiling.hi:.4g}]" if ceiling.hi is not None else "...)"
    return f"; the best answer so far, not confirmed: {ceiling.value:.4g} requests/s [{ceiling.lo:.4g}, {end}"


def _load(
    planned: PlannedRun, conditions: Conditions, progress: Progress, folder: RunFolder, draft: _Draft
) -> SearchRecord:
    """Start the target, load it until the search has ended, and stop everything. Returns how the search ended."""
    allotment = conditions.allotment
    with ExitStack() as stack:
        running = conditions.launcher.up(planned.target, folder.path)
        stack.callback(running.down)
        memory = dataclasses.replace(draft.record.memory, enforced=running.memory_enforced)
        draft.note(target=_read_back(draft.record.target, running), memory=memory)
        machine = this_machine()
        sampler = make_sampler(running, allotment, machine)
        stack.callback(sampler.stop)
        sampler.start()
        generator = _generator(planned, conditions, _null_ceiling(planned, conditions, progress))
        draft.note(generator=generator)
        journal = folder.path / "load.jsonl"
        settings = dataclasses.replace(
            planned.load_settings,
            journal=journal,
            client=conditions.client,
            null_rps=generator.null_rps,
            shared=allotment.shared,
        )

        def start(load_settings: LoadSettings, processes: int) -> LocustProcess:
            return LocustProcess(
                planned.locustfile,
                running.base_url,
                _arguments(folder.path if processes == conditions.generators else None, processes),
                load_settings,
                folder.path,
                log=folder.path / "locust.log",
                home=planned.home,
            )

        locust = start(settings, conditions.generators)
        stack.callback(locust.stop)
        follower = Follower(JournalReader(journal), sampler, folder, progress)
        try:
            outcome = _follow(follower, locust, running, folder.path)
            if outcome.end is End.FOUND and outcome.hold_users is not None:
                users, hold_rps = outcome.hold_users, follower.held_rps(outcome.hold_users)
                goodput_of = goodput_by_generators(start, settings, users, folder.path)
                if len(allotment.generator_cpus) >= 2 * conditions.generators:
                    progress.say(
                        "trying twice the generators at the held level, 10 s; if goodput rises, two more visits"
                    )
                doubled = double(
                    goodput_of,
                    users,
                    hold_rps,
                    generators=conditions.generators,
                    cpus=len(allotment.generator_cpus),
                )
                draft.note(generator=dataclasses.replace(generator, **dataclasses.asdict(doubled)))
        finally:
            counts = follower.counts if follower.counts.served else None
            draft.note(counts=counts, timing=Timing(load_s=follower.load_s), pace=_pace(sampler.witness, machine))
        for name in ("load.jsonl", "load.json"):
            (folder.path / name).unlink(missing_ok=True)
    return SearchRecord(end=outcome.end, reason=outcome.reason, hold_users=outcome.hold_users)


def _null_ceiling(planned: PlannedRun, conditions: Conditions, progress: Progress) -> NullCeiling | None:
    """The generator's rate against a null server; None for the user's own locustfile, which may cost anything."""
    if planned.home is not None:
        return None
    return null_ceiling(
        conditions.allotment,
        client=conditions.client,
        new_connections=planned.scenario.load.new_connections,
        generators=conditions.generators,
        announce=lambda: progress.say("measuring what the generator can do (once on this host, 6 s)"),
    )


def _generator(planned: PlannedRun, conditions: Conditions, ceiling: NullCeiling | None) -> GeneratorRecord:
    return GeneratorRecord(
        client=conditions.client if planned.home is None else LOCUSTFILE,
        processes=conditions.generators,
        connections=planned.scenario.load.connections,
        null_rps=ceiling.rate_rps if ceiling else None,
        null_rps_measured=ceiling.measured if ceiling else None,
    )


def _follow(follower: Follower, locust: LocustProcess, running: Running, folder: Path) -> Outcome:
    """Follow the load until both the search and Locust have ended."""
    while follower.outcome is None:
        code = locust.wait(POLL_S)
        follower.poll()
        failure = _failure_of(running)
        if failure is not None:
            locust.stop()
            follower.poll()
            failure.log = running.log()
            raise failure
        if code is not None and follower.outcome is None:
            raise _locust_failed(follower, code, folder)
    if locust.wait(20.0) is None:
        locust.stop()
    if follower.outcome.end is End.DIED:
        raise TargetError(f"the target stopped answering: {follower.outcome.reason}", log=running.log())
    if follower.outcome.end is End.FAILED:
        raise FloodmarkError(f"the search failed: {follower.outcome.reason}; see {folder / 'locust.log'}")
    return follower.outcome


def _failure_of(running: Running) -> TargetError | None:
    """The error for a target that exited or ran out of memory; None while it runs."""
    try:
        exit_reason = running.ended()
    except OutOfMemory as error:
        return OutOfMemory(f"under load, {error}")
    return None if exit_reason is None else TargetError(f"the target ended under load: {exit_reason}")


def _locust_failed(follower: Follower, code: int, folder: Path) -> FloodmarkError:
    end = tail(folder / "locust.log")
    if not follower.started:
        return UsageError(f"Locust could not run the locustfile (exit code {code}):\n{end}")
    return FloodmarkError(f"Locust ended before the search did (exit code {code}):\n{end}")


def _arguments(folder: Path | None, generators: int) -> Sequence[str]:
    arguments = ["--headless", "--ramp", "search", "--only-summary"]
    if folder is not None:
        arguments += ["--csv", str(folder / "locust")]
    return [*arguments, *processes(generators)]


def _read_back(declared: TargetRecord, running: Running) -> TargetRecord:
    effective = running.effective
    return dataclasses.replace(
        declared,
        version=effective.version,
        python=effective.python,
        effective=dict(effective.facts),
        pids=effective.pids,
        image_digest=running.image_digest,
        url=running.base_url,
    )


def _pace(witness: PaceWitness, machine: Machine) -> PaceRecord:
    """What the witness saw, which the machine's history remembers too."""
    fastest_s, piece_s = witness.fastest_s, witness.mean_s
    if fastest_s is not None and piece_s is not None:
        remember(fastest_s, piece_s)
    return PaceRecord(
        fastest_s=machine.fastest_s,
        piece_s=piece_s,
        usual_s=machine.usual_s,
        host_sd=machine.host_sd,
        runs=len(machine.runs),
        missing=witness.missing if piece_s is None else "",
    )


def make_sampler(running: Running, allotment: Allotment, machine: Machine | None = None) -> Sampler:
    """A sampler of the target's processes, its accept queue and the host. ``machine``: also of the CPUs' pace."""
    pids = running.root_pids()
    cpus = allotment.target_cpus
    # A server that was already running may use any CPUs, including the generator's.
    if pids and running.ledger_path is None:
        with contextlib.suppress(OSError):
            cpus = tuple(sorted(os.sched_getaffinity(pids[0])))
    # The accept queue can only be read on this host.
    parts = urlsplit(running.base_url)
    local = pids or parts.hostname in {"127.0.0.1", "localhost", "::1"}
    return Sampler(
        pids,
        running.ledger_path,
        cpus,
        port=parts.port or 80 if local else None,
        shared=bool(set(cpus) & set(allotment.generator_cpus)),
        fastest_s=machine.fastest_s if machine is not None and local else None,
    )


def _ended_by(error: FloodmarkError) -> SearchRecord:
    if isinstance(error, Interrupted):
        end = End.INTERRUPTED
    else:
        end = End.DIED if isinstance(error, TargetError) else End.FAILED
    return SearchRecord(end=end, reason=str(error).splitlines()[0] if str(error) else "")
