"""``python -m benchmarks.known_answers``: measure what is known, and say how far off it was.

Exit code 0 when no row is outside its bar, 1 when one is, 2 for wrong usage, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.known_answers import suite, table
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case
from benchmarks.known_answers.document import document
from benchmarks.known_answers.host import Pace, Witness, quietest, restless
from benchmarks.known_answers.processes import TARGET_CPU
from benchmarks.known_answers.table import INSIDE, NOT_MEASURED, OUTSIDE, Row
from floodmark.protocol.load_settings import Client
from floodmark.results.record import Budget
from floodmark.results.table import read_table
from floodmark.run.calibrate import null_ceiling
from floodmark.targets.cpus import allot
from target_apps.serve import ROOT

ORDER = [case.id for case in suite.CASES]


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.known_answers", description=__doc__)
    parser.add_argument("--only", metavar="K1,K4", help="these cases; the kept rows of the others stay")
    parser.add_argument(
        "--attempts",
        type=int,
        default=5,
        metavar="N",
        help="measure a case again, up to N times in all, where the hypervisor took more than 2 %% of the CPUs, or, if "
        "it needs a steady one, a CPU was 15 %% slower than at its best; the quietest attempt counts, all are kept",
    )
    parser.add_argument("--fresh", action="store_true", help="forget earlier attempts at these cases")
    parser.add_argument("--quick-subset", action="store_true", help="a few cases on a smaller budget; keeps no rows")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "known_answers", help="where runs land")
    parser.add_argument("--out", type=Path, default=table.RESULTS, help="the table to keep")
    parser.add_argument("--document", action="store_true", help="only write the kept table into docs/method.md")
    parser.add_argument("--check", action="store_true", help="only see whether that table is up to date")
    options = parser.parse_args()
    if options.document or options.check:
        same = document(check=options.check)
        if options.check and not same:
            print("docs/method.md differs from the kept table; run it with --document", file=sys.stderr)
        return int(options.check and not same)
    try:
        cases = suite.chosen(",".join(suite.QUICK_SUBSET) if options.quick_subset else options.only)
    except ValueError as error:
        parser.error(str(error))
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts a background job with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    rows: list[Row] = []
    bench = Bench(options.results, quick=options.quick_subset)
    _announce(cases)
    table.measured_commit()
    code = 0
    try:
        _know_generator()
        for attempt in range(1, options.attempts + 1):
            left = [case for case in cases if restless(rows, case.id)]
            for index, case in enumerate(left):
                rows += _measure(bench, case, attempt, left[index:])
                # Here after each case; in the checkout at the end: a changed file would be another commit to floodmark.
                table.keep(options.results / options.out.name, rows, ORDER, fresh=True)
    except KeyboardInterrupt:
        print("\ninterrupted; finished rows are kept", file=sys.stderr)
        code = 130
    rows.sort(key=lambda row: (ORDER.index(row.id), row.attempt))
    _summary("", rows)
    if rows and not options.quick_subset:
        table.keep(options.out, rows, ORDER, fresh=options.fresh)
        _summary("kept, with earlier attempts: ", read_table(options.out, Row))
    return code or int(any(row.verdict == OUTSIDE for row in quietest(rows)))


def _know_generator() -> None:
    """Measured once on a host, and not on the time of the first case."""
    budget = Budget()
    null_ceiling(
        allot(budget.cpus, budget.memory),
        client=Client.STEP,
        new_connections=False,
        generators=1,
        announce=lambda: print("measuring what the generator itself can do (once on this host, 6 s)", file=sys.stderr),
    )


def _announce(cases: Sequence[Case]) -> None:
    for case in cases:
        print(f"{case.id:15} about {case.about_s:4.0f} s  {case.claim}")
    total = sum(case.about_s for case in cases)
    end = time.strftime("%H:%M", time.localtime(time.time() + total))
    print(
        f"{len(cases)} cases: about {total / 60:.0f} min, until {end}, and longer where the host is restless\n\n"
        f"{table.HEADER}",
        flush=True,
    )


def _measure(bench: Bench, case: Case, attempt: int, left: Sequence[Case]) -> list[Row]:
    minutes = sum(c.about_s for c in left) / 60
    again = f", attempt {attempt}" if attempt > 1 else ""
    bench.begin(f"{case.id}{again} (about {case.about_s:.0f} s; {minutes:.0f} min left)")
    witness = Witness()
    why = impossible(case)
    if why is not None:
        rows = table.not_measured(case, f"not measured: {why}", attempt=attempt)
    else:
        with Pace(TARGET_CPU) if case.needs_pace else contextlib.nullcontext() as pace:
            try:
                rows = table.judge(case, case.measure(bench, case), bench.elapsed_s, attempt)
            except Exception as error:  # a case that breaks must not take the others with it
                rows = table.failed(case, f"{type(error).__name__}: {error}", bench.elapsed_s, attempt)
        steal, slower = round(witness.steal(), 4), pace.slowdown() if pace is not None else None
        slower = None if slower is None else round(slower, 3)
        rows = [dataclasses.replace(row, steal=steal, slowdown=slower) for row in rows]
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print("\n".join(table.lines(rows)), flush=True)
    return rows


def impossible(case: Case) -> str | None:
    """Why this host cannot measure a case."""
    cpus = len(os.sched_getaffinity(0))
    if cpus < case.needs_cpus:
        return f"needs {case.needs_cpus} CPUs; there are {cpus}"
    return case.needs() if case.needs is not None else None


def _summary(which: str, rows: Sequence[Row]) -> None:
    counted = quietest(rows)
    counts = {word: sum(row.verdict == word for row in counted) for word in (INSIDE, OUTSIDE, NOT_MEASURED)}
    print("\n" + which + ", ".join(f"{count} {word}" for word, count in counts.items()))
    covered = [row for row in counted if row.covers]
    if covered:
        share = sum(row.covers == "yes" for row in covered)
        print(f"{share} of {len(covered)} intervals hold the truth")
    if len(rows) > len(counted):
        inside = sum(row.verdict == INSIDE for row in rows)
        print(
            f"of each case the attempt with the least unrest; of all attempts {inside} of {len(rows)} rows are inside"
        )


if __name__ == "__main__":
    sys.exit(main())
