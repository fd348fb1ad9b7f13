"""What the server itself costs, seen by plain clients: without floodmark.

A server with one slot and two clients that ask again at once always has a request waiting, so that its rate is
1 / (s + o), with everything in o that the server spends on a request in its slot. And of CPUs that it could keep busy
all the time it leaves a part idle, while one thread hands the interpreter's lock to the next.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import threading
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from floodmark.sampling.pressure import cpu_time

SETTLE_S, IDLE_S, TIMEOUT_S = 1.0, 8.0, 10.0
APART_S = 0.05
"""Between the first requests of two clients: of those that come at once one worker may take all."""

Answer = tuple[float, float]
"""When it was asked for, and when it was there, epoch s."""


class PlainClient:
    """One connection, kept where the server keeps it. It closes at once what the server closes: gunicorn's sync worker
    waits for that, so that a slow client would be a part of its slot.
    """

    def __init__(self, host: str, port: int, path: str) -> None:
        self._address = host, port
        self._request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode("ascii")
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def get(self) -> None:
        """One answer. Raises OSError, or ValueError where it is no good one."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(self._request)
        answer = b""
        while not whole(answer):
            part = self._socket.recv(65536)
            if not part:
                raise ValueError(f"the answer ended after {answer!r}")
            answer += part
        if b"\r\nconnection: close\r\n" in answer.lower():
            self._close()
        if answer.split(maxsplit=2)[1] != b"200":
            raise ValueError(f"not a good answer: {answer[:100]!r}")

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def whole(answer: bytes) -> bool:
    """Whether this is all of an answer with Content-Length."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return bool(end) and length is not None and len(body) >= int(length[1])


class PlainClients:
    """Users without think time, from entering the block to its end. Leaving it raises OSError or ValueError where one
    of them got no good answer.
    """

    def __init__(self, host: str, port: int, path: str, *, clients: int, cpu: int | None = None) -> None:
        self._address = host, port
        self._path = path
        self._cpu = cpu
        self._answers: list[list[Answer]] = [[] for _ in range(clients)]
        self._threads = [threading.Thread(target=self._ask, args=(mine,)) for mine in self._answers]
        self._failed: list[BaseException] = []
        self._over = threading.Event()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
            time.sleep(APART_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._failed and error is None:
            raise self._failed[0]

    def _ask(self, mine: list[Answer]) -> None:
        try:
            if self._cpu is not None:
                os.sched_setaffinity(0, {self._cpu})  # of this thread
            with PlainClient(*self._address, self._path) as client:
                while not self._over.is_set():
                    asked = time.time()
                    client.get()
                    mine.append((asked, time.time()))
        except (OSError, ValueError) as error:
            self._failed.append(error)

    def per_answer_s(self, windows: Sequence[tuple[float, float]] = ()) -> float:
        """Seconds per answer: the median of these windows, epoch s, or all of the time where there are none.

        Raises ValueError where a window has fewer than two answers.
        """
        ends = sorted(end for mine in self._answers for _, end in mine)
        if not windows:
            return per_answer_s(ends)
        return statistics.median(per_answer_s([t for t in ends if begin <= t < end]) for begin, end in windows)

    def latency_s(self, q: float, window: tuple[float, float]) -> float:
        """As the function of that name."""
        return latency_s([answer for mine in self._answers for answer in mine], q, window)


def per_answer_s(ends: Sequence[float]) -> float:
    """From answer to answer: a window between two fixed moments would cut a slot time at each end."""
    if len(ends) < 2:
        raise ValueError(f"plain clients had {len(ends)} answers in a window")
    return (ends[-1] - ends[0]) / (len(ends) - 1)


def latency_s(answers: Iterable[Answer], q: float, window: tuple[float, float]) -> float:
    """Quantile ``q`` of the latencies of those that were there in a window, epoch s. Raises ValueError for none."""
    begin, end = window
    waits = [there - asked for asked, there in answers if begin <= there < end]
    if not waits:
        raise ValueError("plain clients had no answers in a window")
    return float(np.quantile(waits, q))


def idle_cores(host: str, port: int, path: str, *, clients: int, cpus: Sequence[int]) -> float:
    """How much of ``cpus`` is idle while ``clients`` ask without think time. Raises as PlainClients."""
    with PlainClients(host, port, path, clients=clients):
        time.sleep(SETTLE_S)
        before, began = cpu_time(cpus), time.monotonic()
        time.sleep(IDLE_S)
        after, span_s = cpu_time(cpus), time.monotonic() - began
    if before is None or after is None:
        raise ValueError(f"/proc/stat has no CPUs {cpus}")
    return max(0.0, len(cpus) - (after.busy_s - before.busy_s + after.steal_s - before.steal_s) / span_s)
