"""The verdict of a stored run: from its files alone, and always the same. Every judgement is applied here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from floodmark.results.metrics import advice_rows, bottleneck_rows, rate_rows, rows, slo_rows, slots_row
from floodmark.results.record import RunRecord, SearchRecord
from floodmark.results.run import Run, read_run
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import write_table
from floodmark.verdict.bottleneck import name_bottleneck
from floodmark.verdict.counts import Counts
from floodmark.verdict.enums import End, Model, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.figures import Declared
from floodmark.verdict.outcome import Outcome, judge_counts, judge_doubling, judge_shared_cpus
from floodmark.verdict.rate import Sustained, judge_rate
from floodmark.verdict.saturation import Saturation, judge
from floodmark.verdict.slo import judge_slo
from floodmark.verdict.visit import held

FOLLOWS_REDIRECTS = {"fast", "http"}
"""Locust's own clients: one request of theirs may be several of the server."""
LOCUSTFILE = "locustfile"
"""The generator's client where the user's own locustfile makes the load."""
HOSTILE = "hostile"
"""The workload in which hostile clients run alongside."""


def conclude(path: Path) -> Saturation | Sustained:
    """Judge the run in ``path`` and write its results.csv. Raises UsageError for a folder that holds no run."""
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
        verdict = judge(run.visits, outcome, think_s)
        results = rows(run.run_id, verdict, run.visits, record.timing)
        results += slo_rows(run.run_id, _slo(run, verdict))
        results.append(slots_row(run.run_id, verdict, record.target.nominal_slots))
        generator = verdict.generator
    named = name_bottleneck(run.visits, outcome.hold_users, declared(record), thinking=think_s > 0, generator=generator)
    results += [*bottleneck_rows(run.run_id, named), *advice_rows(run.run_id, record.advice)]
    return verdict, results


def judged_outcome(run: Run) -> Outcome:
    """How the search ended, once everything that can void it was considered."""
    record = run.record
    search = record.search or SearchRecord()
    outcome = Outcome(end=search.end, reason=search.reason, hold_users=search.hold_users)
    if record.judged_before:
        return outcome
    holds = held(run.visits, outcome.hold_users)
    outcome = judge_counts(outcome, _comparable_counts(record))
    if record.cores.shared:
        cpus, generators = len(record.cores.target), record.generator.processes
        outcome = judge_shared_cpus(outcome, holds, cpus=cpus, generators=generators)
    generator = record.generator
    return judge_doubling(
        outcome,
        holds,
        doubled_rps=generator.doubled_rps,
        beside_rps=generator.beside_rps,
        how=generator.doubled or "twice the generator processes",
    )


def _comparable_counts(record: RunRecord) -> Counts | None:
    """What both sides counted; None where one request of a client is not one of the server, or nobody counts there."""
    own_app = record.scenario.app is not None
    several = own_app and record.generator.client in FOLLOWS_REDIRECTS
    if several or record.generator.client == LOCUSTFILE or record.scenario.workload == HOSTILE:
        return None
    return record.counts if record.counts is not None and record.counts.served else None


def declared(record: RunRecord) -> Declared:
    """What a run's target was set up with; older runs do not say everything."""
    target = record.target
    return Declared(
        slots=target.nominal_slots,
        processes=target.processes,
        connection_cap=target.connection_cap,
        shared=record.cores.shared,
        out_of_memory=record.memory.exceeded,
    )


def _slo(run: Run, verdict: Saturation) -> Mapping[str, Estimate]:
    """The SLO rate, where the scenario asked for one."""
    slo = run.record.scenario.slo
    searched = any(visit.phase in {Phase.SLO, Phase.CONFIRM} for visit in run.visits)
    if slo is None or not (searched or verdict.end is not End.FOUND):
        return {}
    ceiling = verdict.ceiling_rps.value if verdict.confirmed else None
    return judge_slo(run.visits, ceiling if isinstance(ceiling, float) else None, slo.error_rate)
