"""Reads network counters of the namespace of a process, such as connections that the kernel turned away."""

from __future__ import annotations

from pathlib import Path

WANTED = ("ListenOverflows", "ListenDrops", "TCPSynRetrans")


def read_netstat(pid: int | str = "self") -> dict[str, int]:
    """The ``WANTED`` TcpExt counters by name, as far as the kernel has them; empty if they cannot be read."""
    try:
        text = Path(f"/proc/{pid}/net/netstat").read_text(encoding="ascii")
    except OSError:
        return {}
    return parse(text)


def parse(text: str) -> dict[str, int]:
    """Parse the counters of ``WANTED`` from a line of names and a line of values."""
    names, _, rest = text.partition("\n")
    values = rest.partition("\n")[0]
    counters = dict(zip(names.split(), values.split(), strict=False))
    return {name: int(counters[name]) for name in WANTED if name in counters}
