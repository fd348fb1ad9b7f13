"""Judges a stored run from its files alone, so that the verdict can be recomputed. Every judgement is applied here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from floodmark.results.metrics import advice_rows, bottleneck_rows, rate_rows, rows, slo_rows, slots_row
from floodmark.results.outcome import judged_outcome
from floodmark.results.record import PaceRecord, RunRecord
from floodmark.results.run import Run, read_run
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import write_table
from floodmark.verdict.bottleneck import name_bottleneck
from floodmark.verdict.enums import End, Model, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.figures import Declared
from floodmark.verdict.rate import Sustained, judge_rate
from floodmark.verdict.saturation import Host, Saturation, judge
from floodmark.verdict.slo import judge_slo


def conclude(path: Path) -> Saturation | Sustained:
    """Judge the run in ``path`` and write its results.csv. Raises UsageError if the folder contains no run."""
    run = read_run(path)
    verdict, results = judge_run(run)
    write_table(path / RESULTS, Result, results)
    return verdict


def judge_run(run: Run) -> tuple[Saturation | Sustained, list[Result]]:
    """The verdict of a run, and the rows of its results.csv."""
    record, outcome = run.record, judged_outcome(run)
    think_s = record.think_s
    verdict: Saturation | Sustained
    if record.scenario.load.model is Model.OPEN:
        verdict = judge_rate(run.visits, outcome.end, outcome.reason)
        results = rate_rows(run.run_id, verdict, run.visits, record.timing)
        generator = verdict.points.get("generator")
    else:
        verdict = judge(run.visits, outcome, think_s, host(record))
        results = rows(run.run_id, verdict, run.visits, record.timing)
        results += slo_rows(run.run_id, _slo(run, verdict))
        results.append(slots_row(run.run_id, verdict, record.target.nominal_slots))
        generator = verdict.generator
    named = name_bottleneck(run.visits, outcome.hold_users, declared(record), thinking=think_s > 0, generator=generator)
    results += [*bottleneck_rows(run.run_id, named), *advice_rows(run.run_id, record.advice)]
    return verdict, results


def host(record: RunRecord) -> Host:
    """What is known of the machine of a run. Older runs do not record it: the default holds for them."""
    pace = record.pace or PaceRecord()
    return Host(sd=pace.host_sd, usual_pace=pace.usual_pace)


def declared(record: RunRecord) -> Declared:
    """How the target of a run was set up. Older runs do not record everything."""
    target = record.target
    return Declared(
        slots=target.nominal_slots,
        processes=target.processes,
        connection_cap=target.connection_cap,
        shared=record.cores.shared,
        out_of_memory=record.memory.exceeded,
    )


def _slo(run: Run, verdict: Saturation) -> Mapping[str, Estimate]:
    """The SLO rate, if the scenario asked for one."""
    slo = run.record.scenario.slo
    searched = any(visit.phase in {Phase.SLO, Phase.CONFIRM} for visit in run.visits)
    if slo is None or not (searched or verdict.end is not End.FOUND):
        return {}
    ceiling = verdict.ceiling_rps.value if verdict.confirmed else None
    return judge_slo(run.visits, ceiling if isinstance(ceiling, float) else None, slo.error_rate)
