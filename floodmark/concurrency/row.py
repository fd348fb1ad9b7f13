"""The row of concurrency.csv, and what it says in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.targets.target import Target

CONCURRENCY = "concurrency.csv"
SLOW = 1.25
"""Times the ideal, beyond which a burst took longer than the slots explain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """clients: requests sent at once. hold_ms: how long the app holds each."""

    clients: int = 64
    hold_ms: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedWave:
    """One wave at one server: what was in the app at most and on average, where the others waited, how long it took."""

    fresh: bool
    max_inflight: int
    mean_inflight: float
    per_process: Sequence[int]
    waiting_in_server: int
    waiting_in_kernel: int
    burst_s: float
    reused: int
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyRow:
    """One server in one setting. Counts are of requests.

    max_inflight: most inside the app at once, in any wave; min_of_max: in the wave where this was least.
    mean_inflight: time average over a wave, median of the waves. per_process: inside each process when most were.
    waiting_in_server, waiting_in_kernel: where the others were while all clients waited. burst_s: until the last of
    ``clients`` was answered, median of the waves on new connections; kept_burst_s: on connections kept from the wave
    before; ideal_s: the same for slots that are never idle. reused: share of the second waves' answers that came on a
    kept connection. errors: requests that failed, and kept connections found closed, by kind.
    """

    server: str
    version: str
    settings: str
    nominal_slots: int | None
    max_inflight: int
    mean_inflight: float
    per_process: str
    waiting_in_server: int
    waiting_in_kernel: int
    burst_s: float
    ideal_s: float
    errors: str
    min_of_max: int
    kept_burst_s: float | None
    reused: float | None
    clients: int
    hold_ms: int
    waves: int
    note: str


def row(target: Target, version: str, burst: Burst, observed: Sequence[ObservedWave]) -> ConcurrencyRow:
    """Sum up the waves at one server. Raises ValueError without any."""
    nominal_slots, clients, hold_ms = target.nominal_slots, burst.clients, burst.hold_ms
    if not observed:
        raise ValueError("no wave to sum up")
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
    """In words: does the server deliver its slots, and if not, how does it fall short?"""
    most, least = max(wave.max_inflight for wave in observed), min(wave.max_inflight for wave in observed)
    if nominal_slots is None or nominal_slots >= clients:
        said = f"no limit within {clients}: {most} at once"
    elif most > nominal_slots:
        said = f"more than its {nominal_slots} slots: {most} at once"
    elif least == nominal_slots:
        said = f"delivers its {nominal_slots} slot{'s' * (nominal_slots != 1)} in every wave"
    elif most == nominal_slots:
        said = f"reaches its {nominal_slots} slots, but only {least} in its worst wave"
    else:
        said = f"{least} to {most} of its {nominal_slots} slots" if least < most else f"{most} of {nominal_slots} slots"
    if stretch > SLOW:
        said += f"; a burst takes {stretch:.1f} times the ideal: {_why_slow(observed, nominal_slots, clients)}"
    return said


def _why_slow(observed: Sequence[ObservedWave], nominal_slots: int | None, clients: int) -> str:
    one_each = all(count == 1 for wave in observed for count in wave.per_process)
    if nominal_slots is None or nominal_slots >= clients or one_each:
        return "taking in and answering so many at once is work for its CPU"
    if any(len(wave.per_process) > 1 for wave in observed):
        return "connections are dealt unevenly to processes"
    return "slots idle in between"
