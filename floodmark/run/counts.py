"""Whether what clients and server counted over a run are the same requests."""

from __future__ import annotations

import dataclasses
from typing import Any

from floodmark.hostile import workload as hostile
from floodmark.plan.planned_run import PlannedRun
from floodmark.search.order import Outcome
from floodmark.verdict.counts import Counts, disagreement
from floodmark.verdict.enums import End

LOCUST_CLIENTS = {"fast", "http"}


def compare(planned: PlannedRun, client: str, counts: Counts, outcome: Outcome, facts: dict[str, Any]) -> Outcome:
    """The outcome, or that the counts disagree. Notes the counts in ``facts``."""
    follows_redirects = client in LOCUST_CLIENTS and planned.target is not None and planned.target.app is not None
    beside = planned.scenario.workload == hostile.WORKLOAD
    if not counts.served or planned.home is not None or follows_redirects or beside:
        return outcome  # one request of a client is not one of the server, or nobody counts there
    facts["counts"] = dataclasses.asdict(counts)
    why = disagreement(counts)
    return outcome if why is None else dataclasses.replace(outcome, end=End.MISCOUNTED, reason=why)
