"""``python -m benchmarks.nights``: false alarms and power of the nightly comparison, simulated."""

from __future__ import annotations

import argparse
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.nights.document import PAGE, Row, document, table
from benchmarks.nights.suite import nights
from benchmarks.nights.world import WORLDS
from benchmarks.record import RESULTS, write
from floodmark.nightly.predictive import LEAST_NIGHTS

CHANGED = "gthread-io"
HISTORY = 60
"""Nights of one suite in the search for false alarms; its first nights are judged too."""
WEEK = 7
ASSUMED = next(iter(WORLDS))
CASES = ((0.10, 30), (0.10, 14), (0.05, 30), (0.05, 14))
"""Slowdowns, and the nights before them."""
POWER_SEED = 100_000

Task = tuple[str, float, int, int]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.nights", description=__doc__)
    parser.add_argument("--nights", type=int, default=2000, help="suite-nights without a change")
    parser.add_argument("--suites", type=int, default=200, help="suites with a change, of each kind")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--document", action="store_true", help=f"only write the table into docs/{PAGE.name}")
    parser.add_argument("--check", action="store_true", help="only see whether that table is up to date")
    options = parser.parse_args()
    if options.document or options.check:
        if not document(RESULTS, check=options.check) and options.check:
            raise SystemExit(f"{PAGE} differs from {RESULTS}; run python -m benchmarks.nights --document")
        return
    rows = run(options)
    write(options.out / "nights.csv", Row, rows, nights=options.nights, suites=options.suites, seed=options.seed)
    print("\n".join(table(rows)))


def run(options: argparse.Namespace) -> list[Row]:
    """All cases; the result does not depend on the number of jobs."""
    quiet = max(1, round(options.nights / (HISTORY - LEAST_NIGHTS)))
    tasks: list[Task] = [(world, 0.0, HISTORY, options.seed + i) for world in WORLDS for i in range(quiet)]
    tasks += [
        (ASSUMED, effect, before, options.seed + POWER_SEED * number + i)
        for number, (effect, before) in enumerate(CASES, 1)
        for i in range(options.suites)
    ]
    found: dict[Task, dict[str, int]] = {}
    begun = time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(counts, *task): task for task in tasks}
        for future in as_completed(futures):
            found[futures[future]] = future.result()
            seconds = time.monotonic() - begun
            left = seconds * (len(tasks) - len(found)) / len(found)
            print(f"\r  {len(found)}/{len(tasks)}, {seconds:.0f} s, {left:.0f} s left ", end="", file=sys.stderr)
    print(file=sys.stderr)
    cases = [*((world, 0.0, HISTORY) for world in WORLDS), *((ASSUMED, *case) for case in CASES)]
    return [_row(case, [counted for task, counted in found.items() if task[:3] == case]) for case in cases]


def counts(world: str, effect: float, before: int, seed: int) -> dict[str, int]:
    """One suite: what it said."""
    if not effect:
        seen = list(nights(seed, before, LEAST_NIGHTS, WORLDS[world], {}))
        apart = [night.twins_apart for night in seen if night.twins_apart is not None]
        return {
            "cases": len(seen),
            "alarms": sum(bool(night.alarms) for night in seen),
            "regressions": sum(bool(night.regressions) for night in seen),
            "twins": len(apart),
            "twins_apart": sum(apart),
        }
    first = week = 0
    for night in nights(seed, before + WEEK, before, WORLDS[world], {CHANGED: (before, math.log1p(-effect))}):
        if CHANGED in night.regressions:
            first, week = int(night.number == before), 1
            break
    return {"cases": 1, "first": first, "week": week}


def _row(case: tuple[str, float, int], counted: list[dict[str, int]]) -> Row:
    def total(name: str) -> int:
        return sum(counts_of.get(name, 0) for counts_of in counted)

    return Row(
        world=case[0],
        effect=case[1],
        nights_before=case[2],
        cases=total("cases"),
        alarms=total("alarms"),
        regressions=total("regressions"),
        first=total("first"),
        week=total("week"),
        twins=total("twins"),
        twins_apart=total("twins_apart"),
    )


if __name__ == "__main__":
    main()
