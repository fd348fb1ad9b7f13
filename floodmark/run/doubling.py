"""The decisive check of a generator: twice as many of them, at the level the ceiling was held. More goodput means that
it was their limit, not the target's (method.md, section 3).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from floodmark.handover.settings import LoadSettings
from floodmark.run.level import Start, visit_level
from floodmark.search.order import Outcome
from floodmark.search.pace import LevelSettings
from floodmark.verdict.words import End

SECONDS = 5.0
MORE = 1.03
"""Beyond this, and beyond the ceiling's own visits, more generators are held to have raised goodput."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubled:
    """What twice the generators gave, in good answers per second; None where it was not tried, and why not."""

    goodput_rps: float | None
    note: str


def double(
    start: Start,
    settings: LoadSettings,
    users: int,
    *,
    generators: int,
    cpus: int,
    folder: Path,
) -> Doubled:
    """Hold ``users`` with twice the generator processes, if there are CPUs for them."""
    if cpus < 2 * generators:
        return Doubled(goodput_rps=None, note=f"not tried: {cpus} CPU for {generators} generator process")
    if users < 2 * generators:
        return Doubled(goodput_rps=None, note=f"not tried: only {users} users")
    level = LevelSettings(users=users, seconds=SECONDS)
    step = visit_level(start, settings, level, 2 * generators, folder / "doubled.jsonl")
    if step is None:
        return Doubled(goodput_rps=None, note="twice the generators did not come to a visit")
    return Doubled(goodput_rps=step.goodput_rps, note=f"{2 * generators} generator processes")


def weigh(doubled: Doubled, outcome: Outcome, hold_rps: list[float]) -> Outcome:
    """The search's outcome in the light of it: limited by the generator, if more of it gave more."""
    if outcome.end is not End.FOUND or doubled.goodput_rps is None or not hold_rps:
        return outcome
    if doubled.goodput_rps <= MORE * max(hold_rps):
        return outcome
    reason = f"{doubled.note} gave {doubled.goodput_rps:.1f} good answers/s instead of {max(hold_rps):.1f}"
    return dataclasses.replace(outcome, end=End.GENERATOR_LIMITED, reason=reason)
