"""Dividing this host's CPUs between target and generator."""

from __future__ import annotations

import os

from floodmark.errors import UsageError
from floodmark.targets.target import Allotment


def allot(cpus: int, memory: int, available: set[int] | None = None) -> Allotment:
    """Give the target ``cpus`` CPUs and the generator the others.

    They are disjoint when there are enough; otherwise both share all, and every result says so. Raises
    UsageError for more CPUs than there are.
    """
    usable = sorted(os.sched_getaffinity(0) if available is None else available)
    if cpus > len(usable):
        raise UsageError(f"[budget] cpus = {cpus}: only {len(usable)} CPUs are usable here")
    if cpus == len(usable):
        return Allotment(target_cpus=tuple(usable), generator_cpus=tuple(usable), memory=memory, shared=True)
    return Allotment(target_cpus=tuple(usable[:cpus]), generator_cpus=tuple(usable[cpus:]), memory=memory, shared=False)
