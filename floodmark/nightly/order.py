"""The order of a night: every setup once in each round, each round shuffled anew."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.nightly.suite import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVisit:
    """One setup in one round. number: from 1, in the order of the night. again: because of an alarm."""

    number: int
    round: int
    setup: str
    again: bool = False


def order(setups: Sequence[Setup], rounds: int, seed: int) -> list[PlannedVisit]:
    """Rounds 1 to ``rounds``, in fresh random order each."""
    return _shuffled([setup.name for setup in setups], range(1, rounds + 1), seed, 1, again=False)


def order_again(names: Sequence[str], visits: Sequence[PlannedVisit], rounds: int, seed: int) -> list[PlannedVisit]:
    """What alarmed, and references, once more in ``rounds`` rounds after those of ``visits``."""
    first = max(visit.round for visit in visits) + 1
    return _shuffled(names, range(first, first + rounds), seed, len(visits) + 1, again=True)


def _shuffled(names: Sequence[str], rounds: range, seed: int, number: int, *, again: bool) -> list[PlannedVisit]:
    visits: list[PlannedVisit] = []
    for one in rounds:
        shuffled = list(names)
        random.Random(f"{seed}/{one}").shuffle(shuffled)
        visits += [
            PlannedVisit(number=number + len(visits) + i, round=one, setup=name, again=again)
            for i, name in enumerate(shuffled)
        ]
    return visits
