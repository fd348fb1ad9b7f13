"""The visits that a ceiling is made from, and when they were."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from benchmarks.known_answers.evidence import Evidence, folder_of
from floodmark.results.schema import TIMELINE, Second
from floodmark.results.table import read_table
from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit


def held_visits(evidence: Evidence) -> list[Visit]:
    """The visits that the ceiling is made from."""
    level = evidence.facts["search"]["hold_users"] if "search" in evidence.facts else None
    return held_at(level, evidence.visits)


def held_at(level: int | None, visits: Iterable[Visit]) -> list[Visit]:
    """The valid visits that held this level."""
    return [s for s in visits if s.phase is Phase.HOLD and s.users == level and s.valid]


def held_windows(evidence: Evidence) -> list[tuple[float, float]]:
    """When they were, epoch s."""
    folder = folder_of(evidence)
    held = held_visits(evidence)
    if folder is None or not held:
        return []
    first = read_table(folder / TIMELINE, Second)[0]
    origin = datetime.fromisoformat(str(first.time)).timestamp() - first.t_s
    return [(origin + s.t_start_s, origin + s.t_end_s) for s in held]
