"""What the generator knows of itself: its CPU, what it had to wait for one, and how late its loop runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import gevent

from floodmark.records.recorder import Recorder

_SCHEDSTAT = Path("/proc/self/schedstat")
LAG_PROBE_S = 0.01
CPU_EVERY_S = 0.1


def watch(recorder: Recorder, users: Callable[[], int]) -> None:
    """Start the probes of this process; they run until it ends."""
    gevent.spawn(_lag, recorder)
    gevent.spawn(_cpu, recorder, users)


def _lag(recorder: Recorder) -> None:
    """A sleeper: what it oversleeps, every user does too."""
    while True:
        due = time.perf_counter() + LAG_PROBE_S
        gevent.sleep(LAG_PROBE_S)
        recorder.lagged(max(0.0, time.perf_counter() - due) * 1000)


def _cpu(recorder: Recorder, users: Callable[[], int]) -> None:
    since, cpu, waited = time.time(), time.process_time(), queued_s()
    while True:
        gevent.sleep(CPU_EVERY_S)
        now, burned, queued = time.time(), time.process_time(), queued_s()
        recorder.burned(burned - cpu, queued - waited, since, now)
        recorder.populated(users())
        since, cpu, waited = now, burned, queued


def queued_s() -> float:
    """Time this process's main thread was ready to run and did not: no CPU was free, or a quota was used up.

    From /proc/self/schedstat; 0 where there is none.
    """
    try:
        return int(_SCHEDSTAT.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
