"""One thing at a time: K6, where it is the CPU under the GIL, and K7, where it is a lock."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.known_answers import formulas
from benchmarks.known_answers.bars import Same, Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence, Found
from benchmarks.known_answers.held import held_visits, held_windows
from benchmarks.known_answers.holds import VARIABLE as HOLDS_VARIABLE
from benchmarks.known_answers.holds import read_holds
from benchmarks.known_answers.servers import Server
from benchmarks.known_answers.slots import OTHER_LIMIT_S, SLEEP_LIMIT_S, beside, search, within_s
from floodmark.results.schema import TIMELINE, Second
from floodmark.results.table import read_table

CPU_BAR = Within(0.03)


def spinning(bench: Bench, case: Case) -> Evidence:
    """A run, and the cores its target used, and could have used, at the held level, by the operating system's count.

    Not free is what the generator and floodmark use of the target's CPUs, on a host with none to spare for them, and
    what the hypervisor took. Nor is what the server leaves idle when plain clients saturate it: its threads
    hand the interpreter's lock to each other, and on several CPUs the next one may have to be moved first.
    """
    target = case.target
    assert isinstance(target, Server)
    clients, cpus = target.settings["workers"] * target.settings["threads"], range(target.settings["workers"])
    idle = [bench.idle_cores(target, clients, cpus)]
    evidence = search(bench, case)
    idle.append(bench.idle_cores(target, clients, cpus))
    metrics = dict(evidence.metrics)
    held = held_visits(evidence)
    used = [s.cpu_cores for s in held if s.cpu_cores is not None]
    free = [
        s.cpu_limit_cores * (1 - (s.steal or 0.0)) - (s.own_cores or 0.0) for s in held if s.cpu_limit_cores is not None
    ]
    served = served_rps(evidence)
    if served is not None:
        metrics["served_rps"] = Found(value=served)
    if used and free:
        metrics["cpu_cores"] = Found(value=statistics.median(used))
        metrics["free_cores"] = Found(value=statistics.median(free) - statistics.fmean(idle))
    return dataclasses.replace(evidence, metrics=metrics)


def served_rps(evidence: Evidence) -> float | None:
    """Requests a second that left the app in the visits that the ceiling is made from, by the server's probe."""
    if evidence.run is None:
        return None
    seconds = read_table(evidence.run.path / TIMELINE, Second)
    rates = []
    for visit in held_visits(evidence):
        inside = [s for s in seconds if visit.t_start_s + 1 <= s.t_s <= visit.t_end_s and s.server_finished is not None]
        if inside:
            rates.append(statistics.fmean(s.server_finished or 0 for s in inside))
    return statistics.median(rates) if rates else None


def locking(bench: Bench, case: Case) -> Evidence:
    """A run, and the lock's own time, by the app's clock during the visits that the ceiling is made from: what one
    thread holds it, and what the next one, which waits, takes to hold it (it needs the interpreter's lock too).

    Most of a hold is a sleep, and how late it ends changes on a shared host within minutes.
    """
    with tempfile.TemporaryDirectory(prefix="floodmark-known-") as folder:
        log = Path(folder) / "holds"
        evidence = beside(bench, case, {HOLDS_VARIABLE: str(log)})
        visits = [read_holds(log, *window) for window in held_windows(evidence)]
    if not visits:
        return evidence
    cycle_s = statistics.median(visit.cycle_s for visit in visits)
    handover_s, awaited = np.median([[visit.handover_s, visit.awaited] for visit in visits], axis=0)
    metrics = {**evidence.metrics, "hold_s": Found(value=cycle_s)}
    if (ceiling := metrics.get("ceiling_rps")) is not None and not ceiling.reason:
        metrics["ceiling_rps"] = dataclasses.replace(
            ceiling,
            reason=f"a cycle of {1000 * cycle_s:.2f} ms, {1000 * handover_s:.2f} of it to hand it over; "
            f"{awaited:.1%} of the releases left a thread waiting",
        )
    return dataclasses.replace(evidence, metrics=metrics)


def _cores(evidence: Evidence) -> float:
    return evidence.number("free_cores")


def _spin(cores: int) -> Case:
    return Case(
        id="K6" if cores == 1 else f"K6-{cores}",
        claim=f"10 ms of Python, {cores} x 4 threads on {cores} CPU: as many as the server counts, no CPU left"
        + (", less what others take of them" if cores > 1 else ""),
        about_s=100,
        needs_cpus=max(2, cores),
        needs_pace=True,
        target=Server(scenario="gthread", app="spin", settings={"workers": cores, "threads": 4}, calibrate=None),
        arguments=("--set", f"budget.cpus={cores}"),
        measure=spinning,
        checks=(
            # By the server's own count, which knows nothing of the generator.
            Check(metric="ceiling_rps", truth=lambda e: e.number("served_rps"), bar=Within(0.02)),
            Check(metric="knee_inflight", truth=lambda _: float(cores), bar=Within(0.02, 0.15)),
            Check(metric="cpu_cores", truth=_cores, bar=CPU_BAR),
            # One process on one CPU: another process would not help without another CPU.
            Check(metric="bottleneck", truth=lambda _: "cpu", bar=Same()),
            within_s(OTHER_LIMIT_S),
        ),
    )


CASES = (
    _spin(1),
    _spin(2),
    Case(
        id="K7",
        claim="40 ms free and 10 ms under one lock, 8 threads: C = 1 / (hold + hand-over), n* = R0 C",
        about_s=110,
        target=Server(
            scenario="gthread",
            app="partly_locked",
            settings={"workers": 1, "threads": 8},
            calibrate="partly_locked",
            one_slot={"workers": 1, "threads": 1},
        ),
        measure=locking,
        checks=(
            Check(metric="ceiling_rps", truth=lambda e: formulas.lock_rate(e.number("hold_s")), bar=Within(0.01)),
            Check(metric="knee_inflight", truth=lambda e: e.slot / e.number("hold_s"), bar=Within(0.02, 0.15)),
            Check(metric="bottleneck", truth=lambda _: "lock", bar=Same()),
            within_s(SLEEP_LIMIT_S),
        ),
    ),
)
