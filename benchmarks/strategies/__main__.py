"""Runs every strategy against every scenario, in virtual time, and writes strategies.csv."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.record import RESULTS, write
from benchmarks.strategies.bars import missed
from benchmarks.strategies.classic import bisection, linear, oracle, ramp, stable_windows
from benchmarks.strategies.document import PAGE, document, table
from benchmarks.strategies.finding import Finding
from benchmarks.strategies.ours import ours
from benchmarks.strategies.scenario import BY_NAME, Scenario
from benchmarks.strategies.score import Score, score
from floodmark.results.table import read_table
from simulator import BAD_VM, DEFAULT, QUIET, Noise

Strategy = Callable[[Scenario, Noise | None, int], Finding]
Task = tuple[str, str, int]

STRATEGIES: dict[str, Strategy] = {
    "S0": oracle,
    "S1": linear,
    "S2": ramp,
    "S4": bisection,
    "S5": stable_windows,
    "S8": ours,
}
NOISES: dict[str, Noise | None] = {"default": DEFAULT, "quiet": QUIET, "bad": BAD_VM, "none": None}
CHUNK = 10
SCENARIO_SEEDS = 10_000
"""Scenarios have seeds of their own; strategies share them, and with them the noise of the machine."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.strategies", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="of each strategy on each scenario")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--noise", choices=NOISES, default="default")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--scenarios", default=",".join(BY_NAME))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--document", action="store_true", help=f"only write the table into docs/{PAGE.name}")
    parser.add_argument("--check", action="store_true", help="see whether that table is up to date and keeps the bars")
    options = parser.parse_args()
    if options.document or options.check:
        if not document(options.out, check=options.check) and options.check:
            raise SystemExit(f"{PAGE} differs from {options.out}; run python -m benchmarks.strategies --document")
        misses = missed(read_table(options.out / "strategies.csv", Score))
        if options.check and misses:
            raise SystemExit("\n".join(misses))
        return
    rows = run(options)
    write(options.out / "strategies.csv", Score, rows, runs=options.runs, seed=options.seed, noise=options.noise)
    print("\n".join(table(rows)))


def run(options: argparse.Namespace) -> list[Score]:
    """Run all; the result does not depend on the number of jobs."""
    pairs = [(strategy, name) for name in options.scenarios.split(",") for strategy in options.strategies.split(",")]
    tasks: list[Task] = [(*pair, first) for pair in pairs for first in range(0, options.runs, CHUNK)]
    found: dict[Task, list[Finding]] = {}
    begun = time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {
            pool.submit(findings, *task, min(CHUNK, options.runs - task[2]), options.seed, options.noise): task
            for task in tasks
        }
        for future in as_completed(futures):
            found[futures[future]] = future.result()
            _progress(len(found), len(tasks), time.monotonic() - begun)
    print(file=sys.stderr)
    return [
        score(strategy, BY_NAME[name], [f for task in tasks if task[:2] == (strategy, name) for f in found[task]])
        for strategy, name in pairs
    ]


def findings(strategy: str, name: str, first: int, count: int, seed: int, noise: str) -> list[Finding]:
    """Runs ``first`` to ``first + count - 1`` of one strategy on one scenario."""
    base = seed + SCENARIO_SEEDS * list(BY_NAME).index(name)
    return [STRATEGIES[strategy](BY_NAME[name], NOISES[noise], base + first + i) for i in range(count)]


def _progress(done: int, of: int, seconds: float) -> None:
    left = seconds * (of - done) / done
    print(f"\r  {done}/{of}, {seconds:.0f} s, {left:.0f} s left ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
