"""What is simulated: a server, its users' think time, and the machine below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from floodmark.stats.window import ErrorKind
from simulator.draws import Draw, constant
from simulator.noise import Noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A server of ``slots`` requests at once, first come first served."""

    slots: int
    service: Draw
    think: Draw = field(default_factory=lambda: constant(0.0))
    noise: Noise | None = None
    """How the machine's speed changes."""
    speed: Callable[[float], float] | None = None
    """A further factor on the machine's speed, of the time in s."""
    cpu_share: float = 1.0
    """Share of the service time that takes longer on a slower machine; the rest is waiting for others."""
    witness: bool = False
    """Whether visits have the pace and CPU columns that the sampler fills in on real machines."""
    backlog: int | None = None
    """Waiting requests beyond which new ones are refused at once."""
    refusal: ErrorKind = ErrorKind.REFUSED
    """How they are refused: HTTP is an error answer in no time."""
    limit_rps: float | None = None
    """Requests admitted per second, as by a rate limiter with a burst of one; the others get an error at once."""
    per_queued: float = 0.0
    """Share by which each request in flight beyond ``queued_above`` slows a service that begins."""
    queued_above: int | None = None
    """By default the slots: each request that waits."""
    per_served: float = 0.0
    """Share by which each request served so far slows a service."""
    loses_slot_every: int | None = None
    """Requests served after which one slot is gone for good, as with a leaking pool; the last one stays."""
    fails_above: int | None = None
    """Requests served at once above which one gets a 500, after its service."""
    dies_at: int | None = None
    """Users at which the server dies."""
    dies_at_s: float | None = None
    """When it does."""
    slots_at: Callable[[float], int] | None = None
    """Slots at a time, which is looked at when a visit begins."""
    generator_cpu: float = 0.00002
    """CPU of the generator per request, s."""
