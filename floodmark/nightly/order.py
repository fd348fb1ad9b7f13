"""The order of a night: each round visits every setup once, in a new random order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.nightly.suite import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVisit:
    """A visit to a setup in one round."""

    number: int
    """From 1, in the order of the night."""
    round: int
    setup: str
    again: bool = False
    """Measured again because of an alarm."""


def order(setups: Sequence[Setup], rounds: int, seed: int) -> list[PlannedVisit]:
    """The visits of rounds 1 to ``rounds``, each round in a new random order."""
    return _shuffled([setup.name for setup in setups], range(1, rounds + 1), seed, 1, again=False)


def order_again(names: Sequence[str], visits: Sequence[PlannedVisit], rounds: int, seed: int) -> list[PlannedVisit]:
    """Visits to the setups in ``names``, in ``rounds`` more rounds after those of ``visits``."""
    first = max(visit.round for visit in visits) + 1
    return _shuffled(names, range(first, first + rounds), seed, len(visits) + 1, again=True)


def _shuffled(names: Sequence[str], rounds: range, seed: int, number: int, *, again: bool) -> list[PlannedVisit]:
    visits: list[PlannedVisit] = []
    for round_number in rounds:
        shuffled = list(names)
        random.Random(f"{seed}/{round_number}").shuffle(shuffled)
        visits += [
            PlannedVisit(number=number + len(visits) + i, round=round_number, setup=name, again=again)
            for i, name in enumerate(shuffled)
        ]
    return visits
