"""Ports, and servers of our own as processes."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from target_apps.serve import ROOT

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST_PORT = 10_000


def free_port() -> int:
    """A port nobody listens on, and below those the kernel gives to outgoing connections.

    Nobody takes it by chance before its server has bound it, not even tests that run side by side.
    """
    first_outgoing = int(PORT_RANGE.read_text(encoding="ascii").split()[0])
    while True:
        port = random.randrange(LOWEST_PORT, first_outgoing)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def python_server(module: str, *words: object, cpu: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """A server module, called with ``words``, once it has printed that it is ready. cpu: the one it may use."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if cpu is not None:
        os.sched_setaffinity(process.pid, {cpu})
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


def slot_server(port: int, **options: float) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    """testbed.slot_server on ``port``."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return python_server("testbed.slot_server", port, *words)
