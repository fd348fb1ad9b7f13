"""The verdict of a stored run: from its files alone, and always the same."""

from __future__ import annotations

from pathlib import Path

from floodmark.results.folder import read_run
from floodmark.results.metrics import Timing, rows
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import write_table
from floodmark.verdict.saturation import Saturation, judge
from floodmark.verdict.words import End


def conclude(path: Path) -> Saturation:
    """Judge the run in ``path`` and write its results.csv. Raises UsageError for a folder that holds no run."""
    run = read_run(path)
    search = run.facts.get("search") or {"end": End.INTERRUPTED, "reason": "", "hold_users": None}
    think_s = float(run.facts["scenario"]["load"]["think_time_ms"]) / 1000
    verdict = judge(run.steps, End(search["end"]), search["reason"], search["hold_users"], think_s)
    timing = run.facts.get("timing")
    clock = Timing(total=timing["total_s"], load=timing["load_s"]) if timing else None
    write_table(path / RESULTS, Result, rows(run.run_id, verdict, run.steps, clock))
    return verdict
