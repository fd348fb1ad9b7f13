"""Visits the held level with twice the generators, to find out whether the generator was the limit.

The judgement is ``verdict.outcome.judge_doubling`` (docs/method.md, "What makes a visit void").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from floodmark.protocol.load_settings import LoadSettings
from floodmark.run.single_level import Start, visit_level
from floodmark.search.settings import LevelSettings
from floodmark.verdict.outcome import more_by_doubling

SECONDS = 5.0

GoodputOf = Callable[[int], float | None]
"""The goodput of a visit with this number of generator processes; None if there was no visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubled:
    """The result of doubling. The fields are those of GeneratorRecord."""

    doubled_rps: float | None = None
    """The least goodput with twice the generators; None if that was not tried."""
    doubled: str
    """How it was tried, or why not."""
    beside_rps: float | None = None
    """Goodput of the visit in between, with the usual number of generators."""


def goodput_by_generators(start: Start, settings: LoadSettings, users: int, folder: Path) -> GoodputOf:
    """Visits with ``users``, each by a new Locust process."""

    def goodput_of(processes: int) -> float | None:
        level = LevelSettings(users=users, seconds=SECONDS)
        visit = visit_level(start, settings, level, processes, folder / "doubled.jsonl")
        return None if visit is None else visit.goodput_rps

    return goodput_of


def double(goodput_of: GoodputOf, users: int, hold_rps: Sequence[float], *, generators: int, cpus: int) -> Doubled:
    """Visit ``users`` with twice the generator processes, if there are CPUs for them.

    If goodput rises, the host may just have become faster. So there is one more visit with the usual number, and
    another with twice as many.
    """
    if cpus < 2 * generators:
        return Doubled(doubled=f"not tried: {cpus} CPU for {generators} generator process")
    if users < 2 * generators:
        return Doubled(doubled=f"not tried: only {users} users")
    goodput_rps = goodput_of(2 * generators)
    if goodput_rps is None:
        return Doubled(doubled="twice the generators did not come to a visit")
    how = f"{2 * generators} generator processes"
    if not more_by_doubling(goodput_rps, hold_rps):
        return Doubled(doubled_rps=goodput_rps, doubled=how)
    beside_rps, again_rps = goodput_of(generators), goodput_of(2 * generators)
    rates = [rate for rate in (goodput_rps, again_rps) if rate is not None]
    return Doubled(doubled_rps=min(rates), doubled=how, beside_rps=beside_rps)
