"""What stands beside a target while it is measured, to make it the bottleneck it should be."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psutil

from benchmarks.bottlenecks import groups
from benchmarks.bottlenecks.apps import GROUPS
from testbed.throttle import throttled

TARGET_CPU = 0
IDLE_REQUEST = b"GET /io HTTP/1.1\r\nHost: idle\r\n\r\n"


@dataclass(slots=True)
class Beside:
    """environment: for the run. tick: called twice a second while it lasts, with floodmark's pid."""

    environment: dict[str, str] = field(default_factory=dict)
    tick: Callable[[int], None] = lambda _pid: None


Setup = Callable[[int], contextlib.AbstractContextManager[Beside]]
"""Takes the target's port."""


@contextlib.contextmanager
def nothing(_port: int) -> Iterator[Beside]:
    yield Beside()


def quota(cores: float) -> Setup:
    """The workers may use so much of a core."""

    @contextlib.contextmanager
    def setup(_port: int) -> Iterator[Beside]:
        with groups.limited(cpu_cores=cores) as files:
            yield Beside(environment={GROUPS: files})

    return setup


def memory(limit_bytes: int) -> Setup:
    """The workers may use so much memory."""

    @contextlib.contextmanager
    def setup(_port: int) -> Iterator[Beside]:
        with groups.limited(memory_bytes=limit_bytes) as files:
            yield Beside(environment={GROUPS: files})

    return setup


@contextlib.contextmanager
def neighbour(_port: int) -> Iterator[Beside]:
    """A process that wants all of the target's CPU."""
    process = subprocess.Popen(
        [sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, {TARGET_CPU})
    )
    try:
        yield Beside()
    finally:
        process.kill()
        process.wait()


def starved(share: float) -> Setup:
    """Locust gets only so much of a CPU, as soon as it has made its first connection."""

    @contextlib.contextmanager
    def setup(port: int) -> Iterator[Beside]:
        with contextlib.ExitStack() as stack:
            found: list[int] = []

            def tick(pid: int) -> None:
                locust = None if found else _locust_below(pid, port)
                if locust is not None:
                    found.append(locust)
                    stack.enter_context(throttled(locust, share))

            yield Beside(tick=tick)

    return setup


def idle_clients(count: int) -> Setup:
    """So many clients that each had one answer, keep their connection and ask no more."""

    @contextlib.contextmanager
    def setup(port: int) -> Iterator[Beside]:
        with contextlib.ExitStack() as stack:
            held: list[socket.socket] = []

            def tick(_pid: int) -> None:
                while len(held) < count:
                    try:
                        client = socket.create_connection(("127.0.0.1", port), timeout=2.0)
                    except OSError:
                        return
                    stack.callback(client.close)
                    client.sendall(IDLE_REQUEST)
                    if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                        return
                    held.append(client)

            yield Beside(tick=tick)

    return setup


def _locust_below(pid: int, port: int) -> int | None:
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            connected = (tuple(connection.raddr)[1:] == (port,) for connection in child.net_connections("tcp"))
            if "--ramp" in child.cmdline() and any(connected):
                return child.pid
    return None
