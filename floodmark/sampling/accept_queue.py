"""Reads how many connections wait in the kernel for a listener to accept them."""

from __future__ import annotations

from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTEN = "0A"


def accept_queue(port: int, tables: tuple[Path, ...] = TABLES) -> int | None:
    """Total length of the accept queues of all listeners on a port; None if there is none that can be read.

    For a listening socket, ``rx_queue`` of /proc/net/tcp is its accept queue (proc_pid_net(5)).
    """
    waiting: int | None = None
    for table in tables:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            cells = line.split()
            if cells[3] == LISTEN and int(cells[1].rpartition(":")[2], 16) == port:
                waiting = (waiting or 0) + int(cells[4].partition(":")[2], 16)
    return waiting
