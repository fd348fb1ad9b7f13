"""Reads CPU, memory and scheduling of process trees from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
THREADS_MAX = 1000
"""With more threads, reading the scheduler's figures of each would be a load in itself."""

Key = tuple[int, int]
"""A process: its pid and its start time, because pids are reused."""


@dataclass(frozen=True, slots=True)
class TreeUse:
    """A sample of a set of process trees."""

    cpu_s: float
    """CPU of all processes since they started, including reaped children, as of servers that fork per request."""
    by_process: dict[Key, float]
    """CPU of each living process itself."""
    rss_bytes: int
    threads: int
    faults: int
    """Page faults that had to wait for a disk."""


@dataclass(frozen=True, slots=True)
class Scheduling:
    """Sums over all threads so far."""

    waited_s: float
    """Time in which they were ready to run but did not."""
    turns: int
    """How often a thread was put on a CPU."""


@dataclass(slots=True)
class _Thread:
    waited_ns: int = 0
    turns: int = 0


class ProcessTrees:
    """Follows the trees below some root processes."""

    def __init__(self, roots: Iterable[int]) -> None:
        # If the pid of a root is reused later, that process is not a root.
        self._created = {pid: cells.started for pid in roots if (cells := _stat(pid)) is not None}
        self._threads: dict[tuple[int, int], _Thread] = {}
        self._waited_ns = self._turns = 0

    def members(self) -> list[int]:
        """The pids of the roots and all their descendants that are alive."""
        pids: list[int] = []
        for root, started in self._created.items():
            cells = _stat(root)
            if cells is not None and cells.started == started:
                pids += [root, *_descendants(root)]
        return pids

    def use(self, members: Iterable[int] | None = None) -> TreeUse | None:
        """CPU and resident memory now; None if every process is gone."""
        total, rss, threads, faults = 0.0, 0, 0, 0
        by_process: dict[Key, float] = {}
        for pid in self.members() if members is None else members:
            cells = _stat(pid)
            if cells is None:
                continue
            by_process[pid, cells.started] = cells.cpu_s
            total += cells.cpu_s + cells.children_s
            rss += cells.rss_bytes
            threads += cells.threads
            faults += cells.faults
        return TreeUse(total, by_process, rss, threads, faults) if by_process else None

    def scheduling(self, members: Iterable[int]) -> Scheduling | None:
        """Time spent waiting for a CPU; None if the kernel does not count it or there are too many threads.

        What a thread waited between the last sample and its end is lost.
        """
        now: dict[tuple[int, int], _Thread] = {}
        for pid in members:
            names = _names(f"/proc/{pid}/task")
            if len(now) + len(names) > THREADS_MAX:
                return None
            for name in names:
                cells = _read(f"/proc/{pid}/task/{name}/schedstat").split()
                if len(cells) == 3:
                    now[pid, int(name)] = _Thread(int(cells[1]), int(cells[2]))
        if not now:
            return None
        for key, thread in now.items():
            before = self._threads.get(key)
            if before is None or thread.waited_ns < before.waited_ns:
                before = _Thread()
            self._waited_ns += thread.waited_ns - before.waited_ns
            self._turns += thread.turns - before.turns
        self._threads = now
        return Scheduling(self._waited_ns / 1e9, self._turns)

    def pss_bytes(self) -> int | None:
        """Proportional set size, which counts shared pages once; None if unreadable. Takes some milliseconds."""
        total = None
        for pid in self.members():
            for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith("Pss:"):
                    total = (total or 0) + 1024 * int(line.split()[1])
                    break
        return total


@dataclass(frozen=True, slots=True)
class _Stat:
    cpu_s: float
    children_s: float
    threads: int
    rss_bytes: int
    faults: int
    started: int


def _stat(pid: int) -> _Stat | None:
    """Read proc_pid_stat(5); None for a process that is gone or is a zombie."""
    text = _read(f"/proc/{pid}/stat")
    if not text:
        return None
    cells = text[text.rindex(")") + 2 :].split()
    if cells[0] in "ZX":
        return None
    user, system, children_user, children_system = map(int, cells[11:15])
    return _Stat(
        cpu_s=(user + system) / _TICK,
        children_s=(children_user + children_system) / _TICK,
        threads=int(cells[17]),
        rss_bytes=int(cells[21]) * _PAGE,
        faults=int(cells[9]),
        started=int(cells[19]),
    )


def _descendants(pid: int) -> list[int]:
    """All descendants of a process. Of a process with many threads, only the children of the first are read."""
    if not _LISTS_CHILDREN:
        return _walked(pid)
    pids: list[int] = []
    names = _names(f"/proc/{pid}/task")
    for name in names if len(names) <= 16 else [str(pid)]:
        for child in map(int, _read(f"/proc/{pid}/task/{name}/children").split()):
            pids += [child, *_descendants(child)]
    return pids


def _walked(pid: int) -> list[int]:
    """The same from the whole process table, if the kernel does not list children."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - only names are wanted
    except OSError:
        return []


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - read hundreds of times a second
            return file.read()
    except OSError:
        return ""


_LISTS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()
