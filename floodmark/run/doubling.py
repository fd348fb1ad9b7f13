"""The decisive check of a generator: twice as many of them, at the level the ceiling was held. More goodput means that
it was their limit, not the target's (method.md, section 3).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from floodmark.protocol.load_settings import LoadSettings
from floodmark.run.single_level import Start, visit_level
from floodmark.search.order import Outcome
from floodmark.search.settings import LevelSettings
from floodmark.verdict.enums import End

SECONDS = 5.0
MORE = 1.03
"""Beyond this, and beyond every visit with as many as the ceiling had, more of them are held to have raised goodput."""

GoodputOf = Callable[[int], float | None]
"""Good answers per second of one visit with so many generator processes; None where it did not come to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubled:
    """What twice the generators gave at least, in good answers per second; None where it was not tried, and why not.
    beside_rps: what as many as before gave in between.
    """

    goodput_rps: float | None
    note: str
    beside_rps: float | None = None


def goodput_by_generators(start: Start, settings: LoadSettings, users: int, folder: Path) -> GoodputOf:
    """Visits of ``users``, each by a Locust of its own."""

    def goodput_of(processes: int) -> float | None:
        level = LevelSettings(users=users, seconds=SECONDS)
        visit = visit_level(start, settings, level, processes, folder / "doubled.jsonl")
        return None if visit is None else visit.goodput_rps

    return goodput_of


def double(goodput_of: GoodputOf, users: int, hold_rps: Sequence[float], *, generators: int, cpus: int) -> Doubled:
    """Visit ``users`` with twice the generator processes, if there are CPUs for them. If that gave more, so may have a
    host that is faster by now: once with as many as before, and again with twice as many.
    """
    if cpus < 2 * generators:
        return Doubled(goodput_rps=None, note=f"not tried: {cpus} CPU for {generators} generator process")
    if users < 2 * generators:
        return Doubled(goodput_rps=None, note=f"not tried: only {users} users")
    goodput_rps = goodput_of(2 * generators)
    if goodput_rps is None:
        return Doubled(goodput_rps=None, note="twice the generators did not come to a visit")
    note = f"{2 * generators} generator processes"
    if not _more(goodput_rps, hold_rps):
        return Doubled(goodput_rps=goodput_rps, note=note)
    beside_rps, again_rps = goodput_of(generators), goodput_of(2 * generators)
    found = [rate for rate in (goodput_rps, again_rps) if rate is not None]
    return Doubled(goodput_rps=min(found), note=note, beside_rps=beside_rps)


def weigh(doubled: Doubled, outcome: Outcome, hold_rps: Sequence[float]) -> Outcome:
    """The search's outcome in the light of it: limited by the generator, if more of it gave more."""
    if outcome.end is not End.FOUND or doubled.goodput_rps is None or not hold_rps:
        return outcome
    before = [*hold_rps, *([] if doubled.beside_rps is None else [doubled.beside_rps])]
    if not _more(doubled.goodput_rps, before):
        return outcome
    reason = f"{doubled.note} gave {doubled.goodput_rps:.1f} good answers/s instead of {max(before):.1f}"
    return dataclasses.replace(outcome, end=End.GENERATOR_LIMITED, reason=reason)


def _more(goodput_rps: float, before_rps: Sequence[float]) -> bool:
    return goodput_rps > MORE * max(before_rps, default=0.0)
