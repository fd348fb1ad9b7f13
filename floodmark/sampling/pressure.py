"""How much of the time something had to wait for CPU or memory (PSI), and what else ran on the target's CPUs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
HOST = Path("/proc/pressure")


def stalled_s(path: Path) -> float | None:
    """Seconds in which some task waited, since boot; None where the kernel does not say."""
    try:
        line = path.read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return None
    _, _, total = line.rpartition("total=")
    return int(total) / 1e6 if total.isdecimal() else None


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Of some CPUs together, since boot, in s. busy: all work but what the hypervisor took, which is steal."""

    busy_s: float
    steal_s: float


def cpu_time(cpus: Iterable[int], text: str | None = None) -> CpuTime | None:
    """From /proc/stat; None where none of the CPUs is there."""
    if text is None:
        text = Path("/proc/stat").read_text(encoding="ascii")
    wanted = {f"cpu{cpu}" for cpu in cpus}
    busy = steal = 0
    seen = False
    for line in text.splitlines():
        name, *cells = line.split()
        if not name.startswith("cpu"):
            break
        if name in wanted:
            user, nice, system, _, _, irq, softirq, stolen = map(int, cells[:8])
            busy += user + nice + system + irq + softirq
            steal += stolen
            seen = True
    return CpuTime(busy / _TICK, steal / _TICK) if seen else None
