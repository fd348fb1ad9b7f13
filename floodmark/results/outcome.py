"""How the search of a stored run ended, after every judgement that can void it."""

from __future__ import annotations

from floodmark.results.record import RunRecord, SearchRecord
from floodmark.results.run import Run
from floodmark.verdict.counts import Counts
from floodmark.verdict.outcome import (
    Outcome,
    judge_counts,
    judge_doubling,
    judge_shared_cpus,
    judge_visits,
)
from floodmark.verdict.visit import held

FOLLOWS_REDIRECTS = {"fast", "http"}
"""Locust's own clients, which follow redirects: one of their requests may be several for the server."""
LOCUSTFILE = "locustfile"
"""The recorded client if the user's own locustfile makes the load."""
HOSTILE = "hostile"
"""The workload with hostile clients alongside the users."""


def judged_outcome(run: Run) -> Outcome:
    """The outcome after all judgements. Runs of schema 1 stored it already judged."""
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
    outcome = judge_doubling(
        outcome,
        holds,
        doubled_rps=generator.doubled_rps,
        beside_rps=generator.beside_rps,
        how=generator.doubled or "twice the generator processes",
    )
    return judge_visits(outcome, run.visits)


def _comparable_counts(record: RunRecord) -> Counts | None:
    """The counts of both sides; None if the server does not count, or if its requests are not those of the clients."""
    own_app = record.scenario.app is not None
    redirects = own_app and record.generator.client in FOLLOWS_REDIRECTS
    if redirects or record.generator.client == LOCUSTFILE or record.scenario.workload == HOSTILE:
        return None
    return record.counts if record.counts is not None and record.counts.served else None
