"""Observes a server under waves of simultaneous requests."""

from __future__ import annotations

import math
from collections.abc import Callable
from urllib.parse import urlsplit

from floodmark.concurrency.row import Burst, ConcurrencyRow, ObservedWave, row
from floodmark.concurrency.watch import Watch
from floodmark.concurrency.wave import Crowd
from floodmark.errors import TargetError
from floodmark.targets.target import Running, Target

PATH, MARKER = "/io?ms={hold_ms}", b"floodmark:io"
REPETITIONS = 3
START_S = 3.0
LONG_S = 3.0
"""Longer waves are not repeated; with one slot, they would take minutes."""


def estimate_s(target: Target, burst: Burst) -> float:
    """The estimated duration for one server, in seconds."""
    slots = min(burst.clients, target.nominal_slots or burst.clients)
    wave_s = math.ceil(burst.clients / slots) * burst.hold_ms / 1000
    return START_S + 2 * wave_s * (1 if wave_s > LONG_S else REPETITIONS)


def measure_server(
    target: Target, up: Callable[[Target], Running], burst: Burst, say: Callable[[str], None]
) -> ConcurrencyRow:
    """Start a server, observe it, and stop it. Raises TargetError."""
    running = up(target)
    try:
        observed = observe(running, burst, say)
    finally:
        running.down()
    return row(target, running.effective.version or "", burst, observed)


def observe(running: Running, burst: Burst, say: Callable[[str], None]) -> list[ObservedWave]:
    """Send pairs of waves, first on new connections, then on the same ones. Raises TargetError if the target ends."""
    if running.ledger_path is None:
        raise TargetError("the target has no probe, so the requests inside the app cannot be counted")
    parts = urlsplit(running.base_url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    observed: list[ObservedWave] = []
    crowd = Crowd(burst.clients, host, port, PATH.format(hold_ms=burst.hold_ms), MARKER)
    try:
        for number in range(1, REPETITIONS + 1):
            for fresh in (True, False):
                watch = Watch(running.ledger_path, port, crowd)
                watch.start()
                wave = crowd.wave(fresh=fresh)
                view = watch.stop()
                ended = running.ended()
                if ended is not None:
                    raise TargetError(f"the target ended under a burst of {burst.clients} requests: {ended}")
                say(
                    f"wave {number}, {'new' if fresh else 'kept'} connections: {view.max_inflight} in the app at once, "
                    f"{wave.seconds:.2f} s"
                )
                observed.append(
                    ObservedWave(
                        fresh=fresh,
                        max_inflight=view.max_inflight,
                        mean_inflight=view.mean_inflight,
                        per_process=view.per_process,
                        waiting_in_server=view.fullest.in_server,
                        waiting_in_kernel=view.fullest.in_kernel,
                        burst_s=wave.seconds,
                        reused=wave.reused,
                        errors=wave.errors,
                    )
                )
            if max(wave.burst_s for wave in observed) > LONG_S:
                break
    finally:
        crowd.close()
    return observed
