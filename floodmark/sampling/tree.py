"""CPU and memory of process trees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class TreeUse:
    """One look at a set of process trees.

    cpu_s: CPU of all processes since they started, ended and reaped children included, so that it also grows
    right for servers that fork for every request. by_process: each living process's own CPU.
    """

    cpu_s: float
    by_process: dict[tuple[int, float], float]
    rss_bytes: int


class ProcessTrees:
    """Follows the trees below some root processes."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = []
        for pid in roots:
            try:
                self._roots.append(psutil.Process(pid))
            except psutil.NoSuchProcess:
                continue

    def members(self) -> list[psutil.Process]:
        """Roots and all their descendants that are alive now."""
        found: list[psutil.Process] = []
        for root in self._roots:
            try:
                found += [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return found

    def use(self) -> TreeUse | None:
        """CPU and resident memory now; None when every process is gone."""
        total, rss = 0.0, 0
        own: dict[tuple[int, float], float] = {}
        for process in self.members():
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    rss += process.memory_info().rss
                    mine = times.user + times.system
                    own[process.pid, process.create_time()] = mine
                    total += mine + times.children_user + times.children_system
            except psutil.NoSuchProcess:
                continue
        return TreeUse(total, own, rss) if own else None

    def pss_bytes(self) -> int | None:
        """Proportional set size: shared pages counted once. Costs some ms; None where it cannot be read."""
        total = None
        for process in self.members():
            try:
                total = (total or 0) + process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied, AttributeError):
                continue
        return total


def steal_s(cpus: Iterable[int]) -> float | None:
    """Time the hypervisor took from these CPUs since boot, in s; None where the kernel does not say."""
    times = psutil.cpu_times(percpu=True)
    wanted = [times[cpu] for cpu in cpus if cpu < len(times)]
    if not wanted or not hasattr(wanted[0], "steal"):
        return None
    return float(sum(t.steal for t in wanted))
