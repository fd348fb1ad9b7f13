"""Counters of the network namespace a process lives in: connections the kernel turned away."""

from __future__ import annotations

from pathlib import Path

WANTED = ("ListenOverflows", "ListenDrops", "TCPSynRetrans")


def read_netstat(pid: int | str = "self") -> dict[str, int]:
    """TcpExt counters by name, as far as the kernel has them; empty where it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/net/netstat").read_text(encoding="ascii")
    except OSError:
        return {}
    return parse(text)


def parse(text: str) -> dict[str, int]:
    """The counters of ``WANTED``: a line of names, then a line of values."""
    names, _, rest = text.partition("\n")
    values = rest.partition("\n")[0]
    found = dict(zip(names.split(), values.split(), strict=False))
    return {name: int(found[name]) for name in WANTED if name in found}
