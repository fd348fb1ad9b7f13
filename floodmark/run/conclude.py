"""The verdict of a stored run: from its files alone, and always the same."""

from __future__ import annotations

from pathlib import Path

from floodmark.results.folder import read_run
from floodmark.results.metrics import Timing, rate_rows, rows
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import write_table
from floodmark.verdict.rate import Sustained, judge_rate
from floodmark.verdict.saturation import Saturation, judge
from floodmark.verdict.words import End, Model


def conclude(path: Path) -> Saturation | Sustained:
    """Judge the run in ``path`` and write its results.csv. Raises UsageError for a folder that holds no run."""
    run = read_run(path)
    search = run.facts.get("search") or {"end": End.INTERRUPTED, "reason": "", "hold_users": None}
    think_s = float(run.facts["scenario"]["load"]["think_time_ms"]) / 1000
    end, reason = End(search["end"]), search["reason"]
    timing = run.facts.get("timing")
    clock = Timing(total=timing["total_s"], load=timing["load_s"]) if timing else None
    verdict: Saturation | Sustained
    if run.facts["scenario"]["load"]["model"] == Model.OPEN:
        verdict = judge_rate(run.steps, end, reason)
        found = rate_rows(run.run_id, verdict, run.steps, clock)
    else:
        verdict = judge(run.steps, end, reason, search["hold_users"], think_s)
        found = rows(run.run_id, verdict, run.steps, clock)
    write_table(path / RESULTS, Result, found)
    return verdict
