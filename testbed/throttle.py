"""Giving a process only a share of a CPU, by a cgroup of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

PERIOD_US = 100_000
_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


def can_throttle() -> bool:
    """Whether this process may make CPU cgroups."""
    return os.geteuid() == 0 and _root() is not None


def _root() -> Path | None:
    if (_V1 / "cpu.cfs_quota_us").exists() or (_V1 / "cpu.shares").exists():
        return _V1
    controllers = _V2 / "cgroup.subtree_control"
    return _V2 if controllers.exists() and "cpu" in controllers.read_text().split() else None


@contextlib.contextmanager
def throttled(pid: int, share: float) -> Iterator[None]:
    """``pid`` gets ``share`` of one CPU."""
    root = _root()
    assert root is not None
    group = root / f"floodmark-test-{pid}"
    group.mkdir()
    quota = int(share * PERIOD_US)
    try:
        if root == _V1:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with contextlib.suppress(OSError):
            (root / "cgroup.procs").write_text(str(pid))
        group.rmdir()
