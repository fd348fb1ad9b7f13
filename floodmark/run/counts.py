"""What clients and server counted over a whole run."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from floodmark.handover import hostile
from floodmark.plan import PlannedRun
from floodmark.search.order import Outcome
from floodmark.verdict.counts import Counts, disagreement
from floodmark.verdict.words import End
from target_apps.ledger import LedgerReader, ProcessCount

STATS = "locust_stats.csv"
SETTLE_S = 2.0
LOCUST_CLIENTS = {"fast", "http"}


class Counter:
    """Counts from when it was made to ``compare``, where one request of a client is one of the server."""

    def __init__(self, planned: PlannedRun, client: str, ledger: Path | None) -> None:
        follows_redirects = client in LOCUST_CLIENTS and planned.target is not None and planned.target.app is not None
        beside = planned.scenario.workload == hostile.WORKLOAD
        comparable = planned.home is None and not follows_redirects and not beside
        self._ledger = ledger if comparable else None
        self._before = sum(count.started for count in self._counts())

    def compare(self, outcome: Outcome, folder: Path, cut: int, facts: dict[str, Any]) -> Outcome:
        """The outcome, or that the counts disagree. cut: as in ``Counts``. Notes the counts in ``facts``."""
        total = _locust_total(folder / STATS)
        if self._ledger is None or total is None:
            return outcome
        deadline = time.monotonic() + SETTLE_S
        while any(count.in_flight for count in self._counts()) and time.monotonic() < deadline:
            time.sleep(0.05)
        counts = Counts(
            asked=int(total["Request Count"]),
            failed=int(total["Failure Count"]),
            served=sum(count.started for count in self._counts()) - self._before,
            cut=cut,
        )
        facts["counts"] = dataclasses.asdict(counts)
        why = disagreement(counts)
        return outcome if why is None else dataclasses.replace(outcome, end=End.MISCOUNTED, reason=why)

    def _counts(self) -> list[ProcessCount]:
        if self._ledger is None:
            return []
        with contextlib.closing(LedgerReader(self._ledger)) as reader:
            return reader.counts()


def _locust_total(path: Path) -> Mapping[str, str] | None:
    with contextlib.suppress(OSError), path.open(encoding="utf-8", newline="") as file:
        return next((row for row in csv.DictReader(file) if row["Name"] == "Aggregated"), None)
    return None
