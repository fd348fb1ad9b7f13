"""Reads how long tasks waited for CPU or memory (PSI), and how busy the target's CPUs were."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
HOST = Path("/proc/pressure")


def stalled_s(path: Path) -> float | None:
    """Seconds since boot in which some task waited; None if the kernel does not report it."""
    try:
        line = path.read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return None
    _, _, total = line.rpartition("total=")
    return int(total) / 1e6 if total.isdecimal() else None


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Time of some CPUs together, since boot."""

    busy_s: float
    """All work on them, without what the hypervisor took."""
    steal_s: float
    """What the hypervisor took."""


def cpu_time(cpus: Iterable[int], text: str | None = None) -> CpuTime | None:
    """Read /proc/stat; None if it lists none of the CPUs."""
    if text is None:
        text = Path("/proc/stat").read_text(encoding="ascii")
    wanted = {f"cpu{cpu}" for cpu in cpus}
    busy = steal = 0
    listed = False
    for line in text.splitlines():
        name, *cells = line.split()
        if not name.startswith("cpu"):
            break
        if name in wanted:
            user, nice, system, _, _, irq, softirq, stolen = map(int, cells[:8])
            busy += user + nice + system + irq + softirq
            steal += stolen
            listed = True
    return CpuTime(busy / _TICK, steal / _TICK) if listed else None
