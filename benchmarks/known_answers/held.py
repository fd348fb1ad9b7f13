"""The visits that a ceiling is made from, and when they were."""

from __future__ import annotations

from datetime import datetime

from benchmarks.known_answers.evidence import Evidence
from floodmark.results.schema import TIMELINE, Second
from floodmark.results.table import read_table
from floodmark.verdict.visit import Visit


def held_visits(evidence: Evidence) -> list[Visit]:
    """The visits that the ceiling is made from."""
    return evidence.run.held if evidence.run is not None else []


def held_windows(evidence: Evidence) -> list[tuple[float, float]]:
    """When they were, epoch s."""
    if evidence.run is None or not evidence.run.held:
        return []
    first = read_table(evidence.run.path / TIMELINE, Second)[0]
    origin = datetime.fromisoformat(first.time).timestamp() - first.t_s
    return [(origin + s.t_start_s, origin + s.t_end_s) for s in evidence.run.held]
