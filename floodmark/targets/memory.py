"""Detects whether the kernel killed processes of a target for lack of memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from floodmark.errors import OutOfMemory
from floodmark.targets.logs import tail

MIB = 1024**2
PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_KILLED = re.compile(r"was sent SIGKILL|killed by signal 9|signal 9 \(SIGKILL\)", re.IGNORECASE)
"""How gunicorn, uWSGI and others log that a worker was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """The memory use of a target. Sizes are in bytes; None: unknown."""

    kills: int
    """Processes that the kernel has killed for lack of memory."""
    limit: int | None = None
    peak: int | None = None


class MemoryGroup:
    """The memory cgroup of a process, version 1 or 2. Its last values are remembered after it is gone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = MemoryUse(kills=0)

    @classmethod
    def of(cls, pid: int, *, proc: Path = PROC, cgroups: Path = CGROUPS) -> MemoryGroup | None:
        """The cgroup of a process; None if it cannot be read."""
        try:
            lines = (proc / str(pid) / "cgroup").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        paths = {names: path for _, names, path in (line.split(":", 2) for line in lines if line.count(":") >= 2)}
        v1_path = next((path for names, path in paths.items() if "memory" in names.split(",")), None)
        folder = cgroups / "memory" / v1_path.lstrip("/") if v1_path is not None else None
        if folder is None and "" in paths:
            folder = cgroups / paths[""].lstrip("/")
        if folder is None or not any((folder / name).is_file() for name in ("memory.oom_control", "memory.events")):
            return None
        return cls(folder)

    def use(self) -> MemoryUse:
        """The current values, or the last known ones."""
        kills = _field(self._folder / "memory.events", "oom_kill")
        if kills is None:
            kills = _field(self._folder / "memory.oom_control", "oom_kill")
        if kills is None:
            return self._last
        peak = _number(self._folder, "memory.peak", "memory.max_usage_in_bytes", "memory.current")
        self._last = replace(
            self._last,
            kills=kills,
            limit=_number(self._folder, "memory.max", "memory.limit_in_bytes"),
            peak=max((p for p in (peak, self._last.peak) if p is not None), default=None),
        )
        return self._last


class HostKills:
    """Counts processes killed for lack of memory anywhere on this host since it was created."""

    def __init__(self, vmstat: Path = PROC / "vmstat") -> None:
        self._vmstat = vmstat
        self._before = _field(vmstat, "oom_kill")

    def since(self) -> int:
        now = _field(self._vmstat, "oom_kill")
        return 0 if now is None or self._before is None else now - self._before


def tells_of_a_kill(log: Path | None) -> bool:
    """Whether the log of a server says that a worker was killed."""
    return any(_KILLED.search(line) for line in tail(log, 100).splitlines())


def out_of_memory(use: MemoryUse, budget: int, *, enforced: bool) -> OutOfMemory:
    """The error for a target out of memory, with its limit and peak."""
    count = f"{use.kills} of the target's processes" if use.kills > 0 else "the target"
    # Without a limit, cgroup version 1 reports the largest possible number of pages.
    limit = use.limit if use.limit is not None and use.limit < 2**62 else None
    parts = [f"limit {_mib(limit if limit is not None else budget)}"] if enforced or limit is not None else []
    if use.peak is not None:
        parts.append(f"peak {_mib(use.peak)}")
    figures = f" ({', '.join(parts)})" if parts else ""
    fix = (
        "raise it with --set budget.memory=SIZE, or use" if enforced else "this host has too little memory for it: use"
    )
    return OutOfMemory(f"out of memory: the kernel killed {count}{figures}; {fix} fewer workers or threads")


def _mib(size: int) -> str:
    return f"{size / MIB:.0f} MiB"


def _field(file: Path, name: str) -> int | None:
    """The number after ``name`` in a file of ``name number`` lines."""
    try:
        for line in file.read_text(encoding="ascii").splitlines():
            word, _, value = line.partition(" ")
            if word == name:
                return int(value)
    except (OSError, ValueError):
        pass
    return None


def _number(folder: Path, *names: str) -> int | None:
    """The number in the first of these files that contains one."""
    for name in names:
        try:
            return int((folder / name).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
    return None
