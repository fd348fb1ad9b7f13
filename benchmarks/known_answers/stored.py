"""Without a load: K15, nights in which nothing changed, and K17, the verdict of stored runs again."""

from __future__ import annotations

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
from benchmarks.nights.suite import nights
from benchmarks.nights.world import Noise
from floodmark.nightly.predictive import LEAST_NIGHTS
from floodmark.results.record import PROVENANCE
from floodmark.results.schema import RESULTS
from target_apps.serve import ROOT

RUNS = ROOT / "docs" / "runs"
NIGHTS, SUITES, SEED = 30, 10, 1
VERDICT_LIMIT_S = 60.0


def stored_runs() -> list[Path]:
    return sorted(path.parent for path in RUNS.glob(f"*/{PROVENANCE}"))


def quiet_nights(bench: Bench, case: Case) -> Evidence:
    """Suites of nights in which nothing changed, judged as ``floodmark nightly`` judges them."""
    judged = [night for seed in range(SUITES) for night in nights(SEED + seed, NIGHTS, LEAST_NIGHTS, Noise(), {})]
    share = sum(bool(night.regressions) for night in judged) / len(judged)
    return Evidence(metrics={"false_regressions": Found(value=share)}, notes=f"{len(judged)} nights")


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
        claim=f"A/A: {SUITES} suites of {NIGHTS} simulated nights without a change, under the real rules",
        about_s=15,
        measure=quiet_nights,
        checks=(Check(metric="false_regressions", truth=lambda _: 0.01, bar=AtMost()),),
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
