"""Disturbed measurements: K21, a generator that is stopped now and then, and K22, a neighbour that slows the CPU."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.known_answers.bars import Same, Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence, Found
from benchmarks.known_answers.honesty import generators_below
from benchmarks.known_answers.processes import GENERATOR_CPU
from benchmarks.known_answers.servers import Behind, Server

STOP_S, STOP_EVERY_S = 0.4, 2.0
RIGHT = 0.03
SLOTS, SERVICE_MS = 4, 50
BURN_S = 5.0


def stopped(bench: Bench, case: Case) -> Evidence:
    """A run whose generator is stopped for a fifth of the time: right, or no number, but never a wrong one."""
    assert isinstance(case.target, Behind)
    last = [0.0]

    def stop(pid: int) -> None:
        bench.tick(pid)
        if time.monotonic() - last[0] < STOP_EVERY_S:
            return
        last[0] = time.monotonic()
        for generator in generators_below(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(generator, signal.SIGSTOP)
                time.sleep(STOP_S)
                os.kill(generator, signal.SIGCONT)

    evidence = bench.run_behind(case.target, case.arguments, stop)
    ceiling = evidence.metrics.get("ceiling_rps")
    truth = 1000 * SLOTS / SERVICE_MS
    word = "no number"
    if ceiling is not None and ceiling.valid and isinstance(ceiling.value, float):
        word = "right" if abs(ceiling.value / truth - 1) <= RIGHT else f"wrong: {ceiling.value:.1f}"
    return dataclasses.replace(evidence, metrics={**evidence.metrics, "honest": Found(value=word)})


def beside_a_neighbour(bench: Bench, case: Case) -> Evidence:
    """A run of a CPU-bound server alone, and one beside a process that computes every other few seconds."""
    assert isinstance(case.target, Server)
    alone = bench.run_server(case.target, case.arguments)
    with neighbour():
        evidence = bench.run_server(case.target, case.arguments)
    metrics = dict(evidence.metrics)
    if (found := alone.metrics.get("ceiling_at_pace_1")) is not None:
        metrics["alone_rps"] = found
    return dataclasses.replace(evidence, metrics=metrics)


@contextlib.contextmanager
def neighbour() -> Iterator[None]:
    """A process that computes at the lowest priority on the generator's CPU, every other BURN_S seconds.

    Where both CPUs are halves of one core, the target's pace falls meanwhile.
    """
    code = (
        "import time\n"
        "while True:\n"
        f"    end = time.monotonic() + {BURN_S}\n"
        "    while time.monotonic() < end: pass\n"
        f"    time.sleep({BURN_S})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    os.sched_setaffinity(process.pid, {GENERATOR_CPU})
    os.setpriority(os.PRIO_PROCESS, process.pid, 19)
    try:
        yield
    finally:
        process.kill()
        process.wait()


CASES = (
    Case(
        id="K21",
        claim=f"{SLOTS} x {SERVICE_MS} ms, the generator stopped for {STOP_S:g} s in every {STOP_EVERY_S:g}: right "
        "or no number, never a wrong one",
        about_s=90,
        target=Behind(words=("--slots", str(SLOTS), "--ms", str(SERVICE_MS)), watched=True),
        measure=stopped,
        checks=(Check(metric="honest", truth=lambda _: "right|no number", bar=Same()),),
    ),
    Case(
        id="K22",
        claim=f"CPU-bound beside a neighbour that computes every other {BURN_S:g} s: at pace 1 as without it",
        about_s=150,
        needs_pace=True,
        target=Server(scenario="gthread", app="spin", settings={"workers": 1, "threads": 4}, calibrate=None),
        measure=beside_a_neighbour,
        checks=(
            Check(metric="ceiling_at_pace_1", truth=lambda e: e.number("alone_rps"), bar=Within(0.04)),
            Check(metric="exit_code", truth=lambda _: "0", bar=Same()),
        ),
    ),
)
