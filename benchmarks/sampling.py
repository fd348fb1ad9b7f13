"""What watching a target costs: CPU of each kind of sample, and the ceiling with and without the sampler."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.known_answers.processes import GENERATOR_CPU, TARGET_CPU, served
from benchmarks.record import RESULTS, write
from benchmarks.visit import visit_once
from floodmark.sampling.sampler import LEVELS_EVERY, QUEUE_EVERY_S, TREE_EVERY, Sampler
from target_apps import ledger

CONNECTIONS = (0, 400)
SETTINGS = {"workers": 4, "threads": 4}
TURNS = 200
USERS, SECONDS, PAIRS = 32, 5.0, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One figure. what: which sample, or the whole. connections: open at the server."""

    what: str
    connections: int
    value: float
    unit: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / "sampling.csv")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"visits with and without (default {PAIRS})")
    options = parser.parse_args()
    os.sched_setaffinity(0, {GENERATOR_CPU})
    samples: list[Sample] = []
    with served("gunicorn-gthread", "constant", SETTINGS) as (target, running):
        (pid,) = running.root_pids()
        for count in CONNECTIONS:
            with open_connections(target.host, target.port, count):
                samples += costs(pid, target.port, count)
        samples += ceilings(pid, target.port, options.pairs)
    write(options.out, Sample, samples)
    print("\n".join(table(samples)))


def costs(pid: int, port: int, connections: int) -> list[Sample]:
    """CPU time of the calling thread for each kind of sample, and for all as often as they are taken."""
    with tempfile.TemporaryDirectory(prefix="floodmark-") as folder:
        counts = Path(folder) / "ledger"
        ledger.create(counts)
        sampler = Sampler([pid], counts, (TARGET_CPU,), port=port)
        try:
            kinds: dict[str, Callable[[], object]] = {
                "accept queue (20 Hz)": lambda: sampler.sample(1),
                "processes and host (4 Hz)": lambda: sampler.sample(TREE_EVERY),
                "memory and connections (1 Hz)": lambda: sampler.sample(0),
                "PSS (once a visit)": sampler.pss_bytes,
            }
            found = {name: _cpu_ms(take) for name, take in kinds.items()}
        finally:
            sampler.stop()
    queue, tree, levels, _ = found.values()
    turns = LEVELS_EVERY
    second_ms = (turns - turns // TREE_EVERY) * queue + (turns // TREE_EVERY - 1) * tree + levels
    share = second_ms / 1000 / (turns * QUEUE_EVERY_S)
    rows = [Sample(what=name, connections=connections, value=round(ms, 4), unit="ms") for name, ms in found.items()]
    return [*rows, Sample(what="all, of one core", connections=connections, value=round(share, 5), unit="share")]


def ceilings(pid: int, port: int, pairs: int) -> list[Sample]:
    """Goodput with the sampler over goodput without, in pairs whose order alternates."""
    ratios = []
    for pair in range(pairs):
        rates: dict[bool, float] = {}
        for watched in (True, False) if pair % 2 else (False, True):
            sampler = Sampler([pid], None, (TARGET_CPU,), port=port)
            if watched:
                sampler.start()
            try:
                visit = visit_once("step", f"http://127.0.0.1:{port}/io", USERS, SECONDS, GENERATOR_CPU)
            finally:
                sampler.stop()
            rates[watched] = visit.goodput_rps
        ratios.append(rates[True] / rates[False])
        print(f"  pair {pair + 1} of {pairs}: {rates[True]:.1f}/s watched, {rates[False]:.1f}/s not", file=sys.stderr)
    return [
        Sample(
            what="ceiling watched, of not watched",
            connections=USERS,
            value=round(statistics.median(ratios), 4),
            unit="share",
        ),
        Sample(what="least of the pairs", connections=USERS, value=round(min(ratios), 4), unit="share"),
        Sample(what="most of the pairs", connections=USERS, value=round(max(ratios), 4), unit="share"),
    ]


def table(samples: Sequence[Sample]) -> list[str]:
    """Markdown."""
    lines = ["| sample | connections | cost |", "|---|---:|---:|"]
    for sample in samples:
        value = f"{sample.value:.2%}" if sample.unit == "share" else f"{sample.value:.3f} {sample.unit}"
        lines.append(f"| {sample.what} | {sample.connections} | {value} |")
    return lines


@contextlib.contextmanager
def open_connections(host: str, port: int, count: int) -> Iterator[None]:
    """So many connections that ask nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection((host, port), timeout=5.0))
        yield


def _cpu_ms(take: Callable[[], object]) -> float:
    """Median CPU time of one call, in ms."""
    times = []
    for _ in range(TURNS):
        begun = time.thread_time()
        take()
        times.append(time.thread_time() - begun)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()
