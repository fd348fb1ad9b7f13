"""Reads the CPU quota and the memory limit from the target's control groups, version 1 or 2."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNLIMITED = 1 << 60
"""Version 1 represents no limit as the largest number of pages; anything from here on counts as none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The CPU quota of the target's groups and their ancestors."""

    cores: float | None = None
    """The smallest quota; None without any."""
    periods: int = 0
    """Quota periods since the groups were created."""
    throttled: int = 0
    """Those in which the quota was used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The memory of the group closest to its limit, without file pages that it could drop."""

    used_bytes: int | None = None
    limit_bytes: int | None = None
    oom_kills: int = 0
    """Processes killed for lack of memory in all groups with a limit."""


class Groups:
    """The control groups of a changing set of processes."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._mounts = _mounts(root)
        self._followed: set[int] = set()
        # Folders, and whether they are of version 2.
        self._cpu: dict[Path, bool] = {}
        self._memory: dict[Path, bool] = {}

    def follow(self, pids: set[int]) -> None:
        """Add the groups of new processes."""
        for pid in pids - self._followed:
            for controller, folder, unified in self._folders(pid):
                groups = self._cpu if controller == "cpu" else self._memory
                if folder not in groups:
                    groups[folder] = unified
        self._followed = pids

    def pressure(self, resource: str) -> Path | None:
        """The PSI file of the target's own group; None if it has none."""
        groups = [folder for folder, unified in self._memory.items() if unified]
        path = groups[0] / f"{resource}.pressure" if groups else None
        return path if path is not None and path.is_file() else None

    def quota(self) -> Quota:
        """The CPU quota now."""
        least, periods, throttled = None, 0, 0
        for folder, unified in self._cpu.items():
            cores = _quota(folder, unified=unified)
            if cores is None:
                continue
            least = cores if least is None else min(least, cores)
            stat = _table(folder / "cpu.stat")
            periods += stat.get("nr_periods", 0)
            throttled += stat.get("nr_throttled", 0)
        return Quota(cores=least, periods=periods, throttled=throttled)

    def memory(self) -> Memory:
        """The memory use now."""
        limited = [m for f, unified in self._memory.items() if (m := _memory(f, unified=unified)) is not None]
        if not limited:
            return Memory()
        used, limit, _ = max(limited, key=lambda m: m[0] / m[1])
        return Memory(used_bytes=used, limit_bytes=limit, oom_kills=sum(m[2] for m in limited))

    def _folders(self, pid: int) -> Iterator[tuple[str, Path, bool]]:
        """Yield the folders of a process's cpu and memory groups, followed by their ancestors."""
        try:
            lines = (self._root / "proc" / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
        except OSError:
            return
        for line in lines:
            _, controllers, path = line.split(":", 2)
            for controller in ("cpu", "memory"):
                unified = not controllers
                mount = self._mounts.get("" if unified else controller)
                if mount is None or (controllers and controller not in controllers.split(",")):
                    continue
                folder = mount / path.lstrip("/")
                while folder.is_relative_to(mount):
                    if folder.is_dir():
                        yield controller, folder, unified
                    folder = folder.parent


def _mounts(root: Path) -> dict[str, Path]:
    """Where each controller is mounted, with version 2 under the empty name."""
    mounts: dict[str, Path] = {}
    with contextlib.suppress(OSError):
        for line in (root / "proc" / "mounts").read_text(encoding="utf-8").splitlines():
            _, where, kind, options, *_ = line.split()
            place = root / where.lstrip("/")
            if kind == "cgroup2":
                mounts[""] = place
            elif kind == "cgroup":
                mounts.update(dict.fromkeys(options.split(","), place))
    return mounts


def _quota(folder: Path, *, unified: bool) -> float | None:
    try:
        if unified:
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return None if quota in {"max", "-1"} else int(quota) / int(period)


def _memory(folder: Path, *, unified: bool) -> tuple[int, int, int] | None:
    """Use, limit, and processes killed for lack of memory; None without a limit."""
    names = ("memory.max", "memory.current", "memory.events", "inactive_file")
    if not unified:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control", "total_inactive_file")
    try:
        limit = (folder / names[0]).read_text(encoding="ascii").strip()
        if limit == "max" or int(limit) >= UNLIMITED:
            return None
        used = int((folder / names[1]).read_text(encoding="ascii"))
    except OSError:
        return None
    droppable = _table(folder / "memory.stat").get(names[3], 0)
    return max(0, used - droppable), int(limit), _table(folder / names[2]).get("oom_kill", 0)


def _table(path: Path) -> dict[str, int]:
    """The numbers by name from a file of ``name number`` lines."""
    with contextlib.suppress(OSError, ValueError):
        lines = path.read_text(encoding="ascii").splitlines()
        return {name: int(value) for name, value in (line.split()[:2] for line in lines)}
    return {}
