"""How long one request holds its slot, seen by a plain client: o, without floodmark.

A server with one slot and two clients that ask again at once always has a request waiting, so that its rate is
1 / (s + o), with everything in o that the server spends on a request in its slot.
"""

from __future__ import annotations

import http.client
import os
import threading
import time

SETTLE_S, SECONDS = 1.0, 4.0


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
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    times = sorted(end for mine in ends for end in mine if end > until - seconds)
    # From answer to answer: a window between two fixed moments would cut a slot time at each end.
    return (times[-1] - times[0]) / (len(times) - 1)
