"""Control groups that a target's workers put themselves into: a CPU quota or a memory limit, v1 or v2."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

PERIOD_US = 100_000
V1_CPU, V1_MEMORY, V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
EMPTY_S = 5.0


def cannot() -> str | None:
    """Why no group can be made here; None where one can."""
    if os.geteuid() != 0:
        return "needs root, to make control groups"
    if (V1_CPU / "cpu.cfs_quota_us").exists() or (V1_CPU / "cpu.shares").exists():
        return None if (V1_MEMORY / "memory.usage_in_bytes").exists() else "there is no memory control group"
    subtree = V2 / "cgroup.subtree_control"
    if subtree.exists() and {"cpu", "memory"} <= set(subtree.read_text(encoding="ascii").split()):
        return None
    return "there are no control groups for CPU and memory"


@contextlib.contextmanager
def limited(*, cpu_cores: float | None = None, memory_bytes: int | None = None) -> Iterator[str]:
    """Groups with these limits, as the files a process writes its pid to. They are removed when they are empty."""
    name = f"floodmark-bench-{os.getpid()}"
    made: list[Path] = []
    try:
        if (V1_CPU / "cpu.shares").exists():
            if cpu_cores is not None:
                made.append(
                    _group(V1_CPU / name, {"cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": _quota(cpu_cores)})
                )
            if memory_bytes is not None:
                made.append(_group(V1_MEMORY / name, {"memory.limit_in_bytes": memory_bytes}))
        else:
            limits: dict[str, object] = {}
            if cpu_cores is not None:
                limits["cpu.max"] = f"{_quota(cpu_cores)} {PERIOD_US}"
            if memory_bytes is not None:
                limits.update({"memory.max": memory_bytes, "memory.swap.max": 0})
            made.append(_group(V2 / name, limits))
        yield os.pathsep.join(str(folder / "cgroup.procs") for folder in made)
    finally:
        for folder in made:
            _remove(folder)


def _quota(cores: float) -> int:
    return int(cores * PERIOD_US)


def _group(folder: Path, limits: dict[str, object] | dict[str, int]) -> Path:
    folder.mkdir()
    for file, value in limits.items():
        with contextlib.suppress(FileNotFoundError):  # a kernel without swap has no limit of it
            (folder / file).write_text(str(value), encoding="ascii")
    return folder


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + EMPTY_S
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
