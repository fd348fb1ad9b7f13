"""How a machine's speed wanders: slow drift, short bursts of someone else's work, a cold start."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

GRID_PER_S = 10
"""Speed is constant over each tenth of a second."""

CHUNK_S = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """A family of machines; the mean speed without bursts and cold start is 1.

    drift_sd, drift_tau_s: standard deviation and time constant of an Ornstein-Uhlenbeck process. burst_every_s: mean
    of the exponential time from one burst to the next, infinite for none; burst_s: its length; burst_speed: bounds of
    the uniform factor it puts on speed. cold_share, cold_tau_s: service takes cold_share longer at the start, decaying.
    """

    drift_sd: float = 0.02
    drift_tau_s: float = 60.0
    burst_every_s: float = 90.0
    burst_s: float = 3.0
    burst_speed: tuple[float, float] = (0.5, 0.85)
    cold_share: float = 0.3
    cold_tau_s: float = 3.0


DEFAULT = Noise()
QUIET = Noise(drift_sd=0.005, burst_every_s=math.inf)
BAD_VM = Noise(drift_sd=0.05, burst_every_s=30.0)


class Speed:
    """One machine's speed over time, made as far as it is needed.

    grid: speed in each 1 / GRID_PER_S s. own: a further factor, of the time in s.
    """

    def __init__(self, noise: Noise | None, own: Callable[[float], float] | None, rng: np.random.Generator) -> None:
        self.grid: list[float] = []
        self._noise = noise
        self._own = own
        self._rng = rng
        self._drift = rng.standard_normal() * noise.drift_sd if noise is not None else 0.0
        self._burst_at = math.inf
        if noise is not None and math.isfinite(noise.burst_every_s):
            self._burst_at = rng.exponential(noise.burst_every_s)

    def cover(self, until_s: float) -> None:
        """Make the grid reach beyond ``until_s``."""
        while len(self.grid) <= until_s * GRID_PER_S:
            self.grid += self._chunk(len(self.grid) / GRID_PER_S)

    def _chunk(self, begin_s: float) -> list[float]:
        times = begin_s + np.arange(CHUNK_S * GRID_PER_S) / GRID_PER_S
        speed = np.ones(len(times))
        noise = self._noise
        if noise is not None:
            speed += np.interp(times, begin_s + np.arange(CHUNK_S + 1), self._drift_by_second(noise))
            speed /= 1 + noise.cold_share * np.exp(-times / noise.cold_tau_s)
            while self._burst_at < times[-1]:
                inside = (times >= self._burst_at) & (times < self._burst_at + noise.burst_s)
                speed[inside] *= self._rng.uniform(*noise.burst_speed)
                self._burst_at += noise.burst_s + self._rng.exponential(noise.burst_every_s)
        if self._own is not None:
            speed *= [self._own(float(t)) for t in times]
        return speed.tolist()

    def _drift_by_second(self, noise: Noise) -> list[float]:
        """The exact discretisation of the process: x' = a x + sd sqrt(1 - a^2) e with a = exp(-1 s / tau)."""
        keep = math.exp(-1 / noise.drift_tau_s)
        kicks = noise.drift_sd * math.sqrt(1 - keep * keep) * self._rng.standard_normal(CHUNK_S)
        values = [self._drift]
        for kick in kicks.tolist():
            values.append(keep * values[-1] + kick)
        self._drift = values[-1]
        return values
