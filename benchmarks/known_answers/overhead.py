"""What the server itself costs, seen by plain clients: without floodmark.

A server with one slot and two clients that ask again at once always has a request waiting, so that its rate is
1 / (s + o), with everything in o that the server spends on a request in its slot. And of CPUs that it could keep busy
all the time it leaves a part idle, while one thread hands the interpreter's lock to the next.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from floodmark.sampling.pressure import cpu_time

SETTLE_S, SECONDS, IDLE_S = 1.0, 4.0, 8.0
APART_S = 0.05
"""Between the first requests of two clients: of those that come at once one worker may take all."""


def idle_cores(host: str, port: int, path: str, *, clients: int, cpus: Sequence[int]) -> float:
    """How much of ``cpus`` is idle while ``clients`` ask without think time. Raises as ``saturated_s``."""
    with ThreadPoolExecutor(1) as aside:
        load = aside.submit(saturated_s, host, port, path, clients=clients, cpu=None, seconds=IDLE_S + 1.0)
        time.sleep(SETTLE_S)
        before, began = cpu_time(cpus), time.monotonic()
        time.sleep(IDLE_S)
        after, span_s = cpu_time(cpus), time.monotonic() - began
        load.result()
    if before is None or after is None:
        raise ValueError(f"/proc/stat has no CPUs {cpus}")
    return max(0.0, len(cpus) - (after.busy_s - before.busy_s + after.steal_s - before.steal_s) / span_s)


def _must_be_good(status: int, path: str) -> None:
    if status != 200:
        raise ValueError(f"{path} answered {status}")


def saturated_s(host: str, port: int, path: str, *, clients: int, cpu: int | None, seconds: float = SECONDS) -> float:
    """Seconds per answer at ``clients`` users without think time. Raises OSError, HTTPException or ValueError."""
    ends: list[list[float]] = [[] for _ in range(clients)]
    failed: list[BaseException] = []
    until = time.monotonic() + SETTLE_S + seconds

    def ask(mine: list[float]) -> None:
        try:
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})  # of this thread
            connection = http.client.HTTPConnection(host, port, timeout=10)
            while time.monotonic() < until:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                _must_be_good(answer.status, path)
                mine.append(time.monotonic())
            connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in ends]
    for thread in threads:
        thread.start()
        time.sleep(APART_S)
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    times = sorted(end for mine in ends for end in mine if end > until - seconds)
    # From answer to answer: a window between two fixed moments would cut a slot time at each end.
    return (times[-1] - times[0]) / (len(times) - 1)
