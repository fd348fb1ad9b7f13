"""What is simulated: a server, its users' think time, and the machine below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.draws import Draw, constant
from simulator.noise import Noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A server of ``slots`` requests at once, first come first served.

    service, think: draws in s. noise: the machine's speed; speed: a further factor on it, of the time in s. backlog:
    waiting requests beyond which new ones are refused. per_queued: share by which each request in flight beyond
    ``queued_above`` (by default the slots: each that waits) slows a service that begins. per_served: share by which
    each request served so far does. fails_above: requests served at once above which one gets a 500, after its
    service. dies_at: users at which the server dies; dies_at_s: when it does. slots_at: slots at a time, looked at
    when a visit begins. generator_cpu: CPU of the generator per request, s.
    """

    slots: int
    service: Draw
    think: Draw = field(default_factory=lambda: constant(0.0))
    noise: Noise | None = None
    speed: Callable[[float], float] | None = None
    backlog: int | None = None
    per_queued: float = 0.0
    queued_above: int | None = None
    per_served: float = 0.0
    fails_above: int | None = None
    dies_at: int | None = None
    dies_at_s: float | None = None
    slots_at: Callable[[float], int] | None = None
    generator_cpu: float = 0.00002
