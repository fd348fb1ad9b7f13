"""Divides the CPUs of this host between target and generator."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from floodmark.errors import UsageError
from floodmark.targets.target import Allotment


def allot(cpus: int, memory: int, available: set[int] | None = None) -> Allotment:
    """Give the target ``cpus`` CPUs and the generator the others.

    If none would be left for the generator, both share all, and every result says so. Raises UsageError for more CPUs
    than are available.
    """
    usable = sorted(os.sched_getaffinity(0) if available is None else available)
    if cpus > len(usable):
        raise UsageError(f"[budget] cpus = {cpus}: only {len(usable)} CPUs are usable here")
    if cpus == len(usable):
        return Allotment(target_cpus=tuple(usable), generator_cpus=tuple(usable), memory=memory, shared=True)
    return Allotment(target_cpus=tuple(usable[:cpus]), generator_cpus=tuple(usable[cpus:]), memory=memory, shared=False)


@contextlib.contextmanager
def pinned(cpus: Sequence[int]) -> Iterator[None]:
    """Run this process and those it starts on ``cpus``."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cpus))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
