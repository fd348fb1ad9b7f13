"""Simulated servers, and what is true of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator import Model, Noise, constant, exponential, lognormal


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A server and its truth, that of the undisturbed machine: mean speed 1, no bursts, warm.

    about: what it is. cv: of the service time. ceiling_rps: slots over mean service time, which is exact wherever
    waiting does not slow service; where it does, ``best_users`` give it. collapses: whether less than 0.9 of the
    ceiling is left at four times the knee.
    """

    name: str
    about: str
    model: Model
    cv: float
    ceiling_rps: float
    best_users: int | None = None
    collapses: bool = False

    @property
    def think_s(self) -> float:
        return self.model.think.mean_s

    @property
    def knee_users(self) -> float:
        """N* = C (R0 + Z)."""
        return self.ceiling_rps * (self.model.service.mean_s + self.think_s)

    @property
    def hold_users(self) -> int:
        """Where one who knows the answer would measure it: at twice the knee, or at the peak."""
        return self.best_users or round(2 * self.knee_users)

    @property
    def most_users(self) -> int:
        """Upper end of the range that a sweep is given: four times the knee."""
        return max(8, round(4 * self.knee_users))

    @property
    def tolerant(self) -> bool:
        """Whether the wider accuracy bar applies: cv of at least 1, or a collapse."""
        return self.cv >= 1 or self.collapses

    def noisy(self, noise: Noise | None) -> Model:
        return replace(self.model, noise=noise)


SCENARIOS = (
    Scenario(
        name="A",
        about="4 x 50 ms constant",
        model=Model(slots=4, service=constant(0.05)),
        cv=0.0,
        ceiling_rps=80,
    ),
    Scenario(
        name="B",
        about="2 x 5 ms, cv 0.5",
        model=Model(slots=2, service=lognormal(0.005, 0.5)),
        cv=0.5,
        ceiling_rps=400,
    ),
    Scenario(
        name="C",
        about="8 x 50 ms exponential, Z = 1 s",
        model=Model(slots=8, service=exponential(0.05), think=exponential(1.0)),
        cv=1.0,
        ceiling_rps=160,
    ),
    Scenario(
        name="D",
        about="4 x 20 ms, cv 1.5, Z = 0.1 s",
        model=Model(slots=4, service=lognormal(0.02, 1.5), think=exponential(0.1)),
        cv=1.5,
        ceiling_rps=200,
    ),
    Scenario(
        name="E",
        about="8 x 50 ms, cv 0.5, 2 % slower per waiting request, Z = 0.1 s",
        model=Model(slots=8, service=lognormal(0.05, 0.5), think=exponential(0.1), per_queued=0.02),
        cv=0.5,
        # The peak of 2000 s noise-free holds of 22 to 36 users; tests/simulated/test_search_quality.py repeats it.
        ceiling_rps=147.1,
        best_users=26,
        collapses=True,
    ),
    Scenario(
        name="F",
        about="4 x 20 ms, cv 0.5, backlog 16",
        model=Model(slots=4, service=lognormal(0.02, 0.5), backlog=16),
        cv=0.5,
        ceiling_rps=200,
    ),
)
"""The search was tuned on these."""

HELD_OUT = (
    Scenario(
        name="G",
        about="3 x 30 ms exponential, Z = 0.5 s",
        model=Model(slots=3, service=exponential(0.03), think=exponential(0.5)),
        cv=1.0,
        ceiling_rps=100,
    ),
    Scenario(
        name="H",
        about="16 x 10 ms constant",
        model=Model(slots=16, service=constant(0.01)),
        cv=0.0,
        ceiling_rps=1600,
    ),
    Scenario(
        name="I",
        about="1 x 20 ms exponential",
        model=Model(slots=1, service=exponential(0.02)),
        cv=1.0,
        ceiling_rps=50,
    ),
    Scenario(
        name="J",
        about="8 x 40 ms exponential, 2 % slower per waiting request",
        model=Model(slots=8, service=exponential(0.04), per_queued=0.02),
        cv=1.0,
        # Without think time 8 users keep every slot busy and none of them waits.
        ceiling_rps=200,
        best_users=8,
        collapses=True,
    ),
    Scenario(
        name="K",
        about="2 x 25 ms, cv 1, backlog 4",
        model=Model(slots=2, service=lognormal(0.025, 1.0), backlog=4),
        cv=1.0,
        ceiling_rps=80,
    ),
)
"""The search was not tuned on these."""

BY_NAME = {scenario.name: scenario for scenario in (*SCENARIOS, *HELD_OUT)}
