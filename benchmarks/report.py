"""What a report costs: 10 servers under 3 workloads, 1 000 stored runs, and what the live page asks of the generator.

Runs are copies of those in docs/runs, with timelines and histograms as their visits say. Limits: 3 s and 2 MB for the
first, 15 s and 1 GB for the second, 2 % of a core for one page that asks once a second. --check exits 1 beyond them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import RESULTS, write
from floodmark.records.timeline import Timeline
from floodmark.results.run import read_run
from floodmark.results.schema import Second
from floodmark.search.order import Order
from floodmark.search.settings import Span
from target_apps.serve import ROOT
from testbed.stored import KEPT, copy_run, many

RUNS = 1000
REPEATS = 3
LIVE_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """seconds: of the whole command, from start to file, least of the repeats; for the live page, CPU per second."""

    what: str
    runs: int
    seconds: float
    limit_s: float
    peak_mb: float
    limit_mb: float
    page_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / "report.csv")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is passed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        few, all_of_them = Path(folder, "few"), Path(folder, "all")
        many(few, 10)
        many(all_of_them, len(KEPT), ("io",))
        for number in range(RUNS - len(KEPT)):
            copy_run(KEPT[number % len(KEPT)], all_of_them, number)
        costs = [
            report("10 servers, 3 workloads", few, 30, limit_s=3.0, limit_mb=1000.0),
            report("1 000 stored runs", all_of_them, RUNS, limit_s=15.0, limit_mb=1000.0),
            live(),
        ]
    for cost in costs:
        print(f"  {cost}", file=sys.stderr)
    write(options.out, Cost, costs)
    beyond = [cost.what for cost in costs if cost.seconds > cost.limit_s or cost.peak_mb > cost.limit_mb]
    if options.check and beyond:
        sys.exit(f"beyond their limits: {', '.join(beyond)}")


def report(what: str, runs: Path, count: int, *, limit_s: float, limit_mb: float) -> Cost:
    """The command as a user gives it."""
    page = runs / "report.html"
    command = [sys.executable, "-m", "floodmark", "report", str(runs), "-o", str(page)]
    seconds, peak = [], 0
    for _ in range(REPEATS):
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - begun)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peak = max(peak, used.ru_maxrss)
    return Cost(
        what=what,
        runs=count,
        seconds=round(min(seconds), 2),
        limit_s=limit_s,
        peak_mb=round(peak / 1024, 1),
        limit_mb=limit_mb,
        page_mb=round(page.stat().st_size / 1e6, 2),
    )


def live() -> Cost:
    """A page that follows a search of many visits: CPU of its answers over the time that the search takes."""
    # Only now: it patches the standard library.
    from floodmark.webui.state import Live

    visits = [visit for kept in KEPT[:4] for visit in read_run(kept).visits]
    state = Live("target", 0.0)
    state.start(0.0)
    window = Timeline().window(0, 10, 0.0)
    known, size = (0, 0, 0), 0
    begun = time.process_time()
    for second in range(LIVE_SECONDS):
        if second % (LIVE_SECONDS // len(visits)) == 0 and len(state.visits) < len(visits):
            visit = visits[len(state.visits)]
            order = Order(phase=visit.phase, users=visit.users, think=True, settle_s=1.0, span=Span.fixed(1), most_s=1)
            state.order(order, visit.number)
            state.visit(visit, window)
        state.second(Second(t_s=second, time="", good=100, users=8))
        answer = state.snapshot(*known)
        known = (answer["run"], answer["visits"], answer["seconds"])
        size = max(size, len(json.dumps(answer)))
    spent = (time.process_time() - begun) / LIVE_SECONDS
    return Cost(
        what="live page, CPU per second",
        runs=1,
        seconds=round(spent, 5),
        limit_s=0.02,
        peak_mb=0.0,
        limit_mb=0.0,
        page_mb=round(size / 1e6, 3),
    )


if __name__ == "__main__":
    main()
