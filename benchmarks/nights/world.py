"""A machine and its nights, in numbers only. The variances are those of docs/nightly.md, "The simulation"."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from floodmark.compare.enums import Role
from floodmark.nightly.judge import Member

Array = NDArray[np.float64]

SERVERS = ("sync", "gthread", "gevent", "uwsgi", "waitress")
WORKLOADS = ("io", "cpu")
METRICS = 2
"""Ceiling and R0: one machine, one server, but visits of their own."""
ROUNDS = 3
VISIT_S = 80.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Standard deviations of logarithms.

    night: of the machine, AR(0.5) from night to night. migration: of a move to another host, which lasts, in
    ``migrations`` of the nights. drift: within a night, over ``drift_s``. setup: of a setup in a night. run: of a run.
    heavy_tails: whether setups have Student's t with 3 degrees of freedom. loses: share of the nights in which a setup
    is slower by ``loss``. moves_apart: what a move to another host means to each setup, beside what it means to all.
    """

    night: float = 0.04
    migration: float = 0.08
    migrations: float = 0.03
    drift: float = 0.02
    drift_s: float = 1200.0
    setup: float = 0.007
    run: float = 0.02
    heavy_tails: bool = False
    loses: float = 0.0
    loss: float = 0.03
    moves_apart: float = 0.0


WORLDS = {
    "as assumed": Noise(),
    "setups differ by 1.5 %": Noise(setup=0.015),
    "the same, heavy tails": Noise(setup=0.015, heavy_tails=True),
    "setups differ by 2 %": Noise(setup=0.02),
    "runs differ by 5 %": Noise(run=0.05),
    "setups lose 3 % in one night of ten": Noise(loses=0.1),
    "a move means another 2 % to each setup": Noise(moves_apart=0.02),
}


def members() -> list[Member]:
    """A default night: five servers, two workloads, a reference for each, and one server twice."""
    found = [Member(name=f"{server}-{workload}", group=workload) for workload in WORKLOADS for server in SERVERS]
    found += [Member(name=f"reference-{workload}", group=workload, role=Role.REFERENCE) for workload in WORKLOADS]
    return [*found, Member(name="gthread-io-again", group="io", role=Role.TWIN, twin_of="gthread-io")]


@dataclass
class World:
    """Nights one after another. effects: change of a member's speed from a night on, as logarithms."""

    seed: int
    noise: Noise = field(default_factory=Noise)
    effects: dict[str, tuple[int, float]] = field(default_factory=dict)
    machine: float = 0.0
    moved: float = 0.0
    nights: int = 0

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self.members = members()
        self._setups = np.zeros(len(self.members))
        self._moved_apart = np.zeros(len(self.members))

    def night(self) -> Array:
        """The next night: by metric, member and round, greater being better."""
        noise, random = self.noise, self._random
        self.machine = 0.5 * self.machine + noise.night * math.sqrt(0.75) * random.standard_normal()
        if random.random() < noise.migrations:
            self.moved += noise.migration * random.standard_normal()
            self._moved_apart += noise.moves_apart * random.standard_normal(len(self.members))
        count = len(self.members)
        tails = random.standard_t(3, count) / math.sqrt(3) if noise.heavy_tails else random.standard_normal(count)
        self._setups = noise.setup * tails - noise.loss * (random.random(count) < noise.loses)
        self.nights += 1
        return self.measure(range(len(self.members)))

    def measure(self, who: range | list[int]) -> Array:
        """Rounds of some members, in fresh random order each, on the night under way."""
        noise, random = self.noise, self._random
        found = np.full((METRICS, len(self.members), ROUNDS), np.nan)
        drift, keep = noise.drift * random.standard_normal(), math.exp(-VISIT_S / noise.drift_s)
        for number in range(ROUNDS):
            for index in random.permutation(list(who)):
                drift = keep * drift + noise.drift * math.sqrt(1 - keep * keep) * random.standard_normal()
                common = self.machine + self.moved + self._moved_apart[index] + drift
                common += self._setups[index] + self._effect(index)
                found[:, index, number] = common + noise.run * random.standard_normal(METRICS)
        return found

    def _effect(self, index: int) -> float:
        since, effect = self.effects.get(self.members[index].name, (0, 0.0))
        return effect if self.nights > since else 0.0
