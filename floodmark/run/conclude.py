"""The verdict of a stored run: from its files alone, and always the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from floodmark.results.folder import StoredRun, read_run
from floodmark.results.limits import advice_rows, bottleneck_rows, slots_row
from floodmark.results.metrics import Timing, rate_rows, rows, slo_rows
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import write_table
from floodmark.verdict.bottleneck import name_bottleneck
from floodmark.verdict.enums import End, Model, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.figures import Declared
from floodmark.verdict.rate import Sustained, judge_rate
from floodmark.verdict.saturation import Saturation, judge
from floodmark.verdict.slo import judge_slo


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
        verdict = judge_rate(run.visits, end, reason)
        found = rate_rows(run.run_id, verdict, run.visits, clock)
        generator = verdict.points.get("generator")
    else:
        verdict = judge(run.visits, end, reason, search["hold_users"], think_s)
        found = rows(run.run_id, verdict, run.visits, clock)
        found += slo_rows(run.run_id, _slo(run, verdict))
        found.append(slots_row(run.run_id, verdict, run.facts["target"].get("nominal_slots")))
        generator = verdict.generator
    named = name_bottleneck(
        run.visits, search["hold_users"], declared(run.facts), thinking=think_s > 0, generator=generator
    )
    found += [*bottleneck_rows(run.run_id, named), *advice_rows(run.run_id, run.facts.get("advice"))]
    write_table(path / RESULTS, Result, found)
    return verdict


def declared(facts: Mapping[str, Any]) -> Declared:
    """What a run's target was set up with; older runs do not say everything."""
    target = facts["target"]
    return Declared(
        slots=target.get("nominal_slots"),
        processes=target.get("processes"),
        connection_cap=target.get("connection_cap"),
        shared=bool(facts["cores"]["shared_cores"]),
        out_of_memory=bool(facts["memory"].get("exceeded")),
    )


def _slo(run: StoredRun, verdict: Saturation) -> dict[str, Estimate]:
    """The SLO rate, where the scenario asked for one."""
    slo = run.facts["scenario"].get("slo")
    searched = any(visit.phase in {Phase.SLO, Phase.CONFIRM} for visit in run.visits)
    if slo is None or not (searched or verdict.end is not End.FOUND):
        return {}
    ceiling = verdict.ceiling_rps.value if verdict.confirmed else None
    return judge_slo(run.visits, ceiling if isinstance(ceiling, float) else None, float(slo["error_rate"]))
