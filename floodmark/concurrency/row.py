"""The row of concurrency.csv, and its explanation in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.targets.target import Target

CONCURRENCY = "concurrency.csv"
SLOW = 1.25
"""A burst that takes longer than this multiple of the ideal is slower than its slots explain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """The size of a burst."""

    clients: int = 64
    """Requests sent at once."""
    hold_ms: int = 100
    """How long the app holds each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedWave:
    """A wave as observed."""

    fresh: bool
    """Whether every connection was new."""
    max_inflight: int
    mean_inflight: float
    per_process: Sequence[int]
    """Requests inside each process when the most were inside the app."""
    waiting_in_server: int
    waiting_in_kernel: int
    burst_s: float
    reused: int
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyRow:
    """A server with its settings: a row of concurrency.csv, in the order of its columns. Counts are of requests."""

    server: str
    version: str
    settings: str
    nominal_slots: int | None
    max_inflight: int
    """The most inside the app at once, in any wave."""
    mean_inflight: float
    """Time average over a wave, median of the waves."""
    per_process: str
    """Inside each process when the most were inside the app."""
    waiting_in_server: int
    """Accepted but outside the app while all clients waited."""
    waiting_in_kernel: int
    """Not yet accepted while all clients waited."""
    burst_s: float
    """Time until the last of ``clients`` was answered, median of the waves on new connections."""
    ideal_s: float
    """The same if no slot was ever idle."""
    errors: str
    """Failed requests, and kept connections that turned out to be closed, by kind."""
    min_of_max: int
    """The lowest maximum of all waves."""
    kept_burst_s: float | None
    """``burst_s`` on connections kept from the wave before."""
    reused: float | None
    """Share of the answers in second waves that came on a kept connection."""
    clients: int
    hold_ms: int
    waves: int
    note: str


def row(target: Target, version: str, burst: Burst, observed: Sequence[ObservedWave]) -> ConcurrencyRow:
    """Summarise the waves at one server. Raises ValueError without waves."""
    nominal_slots, clients, hold_ms = target.nominal_slots, burst.clients, burst.hold_ms
    if not observed:
        raise ValueError("no wave to summarise")
    fresh = [wave for wave in observed if wave.fresh]
    kept = [wave for wave in observed if not wave.fresh]
    fullest = max(observed, key=lambda wave: wave.max_inflight)
    ideal_s = math.ceil(clients / min(clients, nominal_slots or clients)) * hold_ms / 1000
    burst_s = statistics.median(wave.burst_s for wave in fresh)
    errors: dict[str, int] = {}
    for wave in observed:
        for kind, count in wave.errors.items():
            errors[kind] = errors.get(kind, 0) + count
    return ConcurrencyRow(
        server=target.server.name,
        version=version,
        settings=" ".join(f"{name}={value}" for name, value in target.settings.items()),
        nominal_slots=nominal_slots,
        max_inflight=fullest.max_inflight,
        mean_inflight=round(statistics.median(wave.mean_inflight for wave in observed), 2),
        per_process=" ".join(map(str, fullest.per_process)),
        waiting_in_server=round(statistics.median(wave.waiting_in_server for wave in fresh)),
        waiting_in_kernel=round(statistics.median(wave.waiting_in_kernel for wave in fresh)),
        burst_s=round(burst_s, 3),
        ideal_s=ideal_s,
        errors=", ".join(f"{count} {kind}" for kind, count in sorted(errors.items())),
        min_of_max=min(wave.max_inflight for wave in observed),
        kept_burst_s=round(statistics.median(wave.burst_s for wave in kept), 3) if kept else None,
        reused=round(sum(wave.reused for wave in kept) / (clients * len(kept)), 3) if kept else None,
        clients=clients,
        hold_ms=hold_ms,
        waves=len(observed),
        note=explain(observed, nominal_slots, clients, burst_s / ideal_s),
    )


def explain(observed: Sequence[ObservedWave], nominal_slots: int | None, clients: int, stretch: float) -> str:
    """Explain in words whether the server delivers its slots, and if not, how it falls short."""
    most, least = max(wave.max_inflight for wave in observed), min(wave.max_inflight for wave in observed)
    if nominal_slots is None or nominal_slots >= clients:
        text = f"no limit within {clients}: {most} at once"
    elif most > nominal_slots:
        text = f"more than its {nominal_slots} slots: {most} at once"
    elif least == nominal_slots:
        text = f"delivers its {nominal_slots} slot{'s' * (nominal_slots != 1)} in every wave"
    elif most == nominal_slots:
        text = f"reaches its {nominal_slots} slots, but only {least} in its worst wave"
    else:
        text = f"{least} to {most} of its {nominal_slots} slots" if least < most else f"{most} of {nominal_slots} slots"
    if stretch > SLOW:
        text += f"; a burst takes {stretch:.1f} times the ideal: {_why_slow(observed, nominal_slots, clients)}"
    return text


def _why_slow(observed: Sequence[ObservedWave], nominal_slots: int | None, clients: int) -> str:
    one_per_process = all(count == 1 for wave in observed for count in wave.per_process)
    if nominal_slots is None or nominal_slots >= clients or one_per_process:
        return "taking in and answering so many at once is work for its CPU"
    if any(len(wave.per_process) > 1 for wave in observed):
        return "connections are dealt unevenly to processes"
    return "slots idle in between"
