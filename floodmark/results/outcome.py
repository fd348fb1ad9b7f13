"""How the search of a stored run ended, once everything that can void it was considered."""

from __future__ import annotations

from floodmark.results.record import RunRecord, SearchRecord
from floodmark.results.run import Run
from floodmark.verdict.counts import Counts
from floodmark.verdict.outcome import Outcome, judge_counts, judge_doubling, judge_shared_cpus
from floodmark.verdict.visit import held

FOLLOWS_REDIRECTS = {"fast", "http"}
"""Locust's own clients: one request of theirs may be several of the server."""
LOCUSTFILE = "locustfile"
"""The generator's client where the user's own locustfile makes the load."""
HOSTILE = "hostile"
"""The workload in which hostile clients run alongside."""


def judged_outcome(run: Run) -> Outcome:
    """The outcome that counts. In runs of schema 1 it was judged before it was stored."""
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
