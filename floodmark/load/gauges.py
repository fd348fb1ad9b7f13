"""What the generator knows of itself: its CPU, and how late its loop runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent

from floodmark.records.recorder import Recorder

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
    since, cpu = time.time(), time.process_time()
    while True:
        gevent.sleep(CPU_EVERY_S)
        now, burned = time.time(), time.process_time()
        recorder.burned(burned - cpu, since, now)
        recorder.populated(users())
        since, cpu = now, burned
