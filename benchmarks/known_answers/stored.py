"""Runs that were made already: K15, alarms of A/A pairs drawn from their visits, and K17, the same bytes again."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.known_answers.bars import AtMost, Same
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence, Found
from benchmarks.known_answers.processes import finish
from benchmarks.known_answers.servers import Behind
from floodmark.results.record import PROVENANCE
from floodmark.results.run import read_run
from floodmark.results.schema import RESULTS
from floodmark.stats.intervals import LEVEL, pooled_interval
from floodmark.verdict.visit import Visit
from target_apps.serve import ROOT

RUNS = ROOT / "docs" / "runs"
NIGHTS = 30
SERIES = 200
SEED = 1
VERDICT_LIMIT_S = 60.0


def stored_runs() -> list[Path]:
    return sorted(path.parent for path in RUNS.glob(f"*/{PROVENANCE}"))


def pairs(bench: Bench, case: Case) -> Evidence:
    """Two nights of the same visits drawn with replacement, and how often their intervals lie apart."""
    draw = random.Random(SEED)
    apart = total = 0
    holds = [visits for path in stored_runs() if len(visits := read_run(path).held) >= 3]
    for visits in holds:
        for _ in range(NIGHTS * SERIES):
            first, second = (pooled(draw.choices(visits, k=len(visits))) for _ in range(2))
            apart += first[1] < second[0] or second[1] < first[0]
            total += 1
    metrics = {"false_alarms": Found(value=apart / total)} if total else {}
    return Evidence(metrics=metrics, notes=f"{len(holds)} stored runs, {total} pairs")


def pooled(visits: list[Visit]) -> tuple[float, float]:
    found = pooled_interval([s.goodput_rps for s in visits], [s.half_width for s in visits])
    return found.lo, found.hi


def again(bench: Bench, case: Case) -> Evidence:
    """``floodmark verdict`` on copies of every stored run and of a fresh one: results.csv byte for byte.

    The fresh one is the last that this suite has made, where it has made one.
    """
    assert isinstance(case.target, Behind)
    if bench.last is None:
        bench.run_behind(case.target, case.arguments)
    fresh = bench.last
    wrong = [path.name for path in stored_runs() if not same_bytes(bench, path)]
    metrics = {
        "stored_runs": Found(value="other bytes" if wrong else "same bytes", reason=", ".join(wrong)),
        "fresh_run": Found(value="same bytes" if fresh is not None and same_bytes(bench, fresh) else "other bytes"),
    }
    return Evidence(metrics=metrics)


def same_bytes(bench: Bench, run: Path) -> bool:
    with tempfile.TemporaryDirectory(prefix="floodmark-known-") as name:
        copy = Path(name) / run.name
        shutil.copytree(run, copy)
        (copy / RESULTS).unlink()
        words = [sys.executable, "-m", "floodmark", "verdict", str(copy)]
        finish(words, {}, bench.log, bench.tick, VERDICT_LIMIT_S)
        written = copy / RESULTS
        return written.is_file() and written.read_bytes() == (run / RESULTS).read_bytes()


CASES = (
    Case(
        id="K15",
        claim=f"A/A: {NIGHTS} nights of the same setup twice, drawn from stored runs: alarms at most nominal",
        about_s=10,
        measure=pairs,
        checks=(Check(metric="false_alarms", truth=lambda _: 1 - LEVEL, bar=AtMost()),),
    ),
    Case(
        id="K17",
        claim="the verdict of a stored run, computed again: the same bytes",
        about_s=25,
        target=Behind(words=("--slots", "4", "--ms", "20")),
        arguments=("--quick",),
        measure=again,
        checks=tuple(
            Check(metric=metric, truth=lambda _: "same bytes", bar=Same()) for metric in ("stored_runs", "fresh_run")
        ),
    ),
)
