"""Apps that have one bottleneck each. ``FLOODMARK_APP=benchmarks.bottlenecks.apps:NAME`` puts one behind any server.

Each worker process puts itself into the control groups that ``FLOODMARK_BENCH_GROUPS`` names.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.known_answers.apps import SERVICE_S, constant, partly_locked, spin, wsgi

GROUPS = "FLOODMARK_BENCH_GROUPS"
KEPT_BYTES = 64 * 1024

for _file in filter(None, os.environ.get(GROUPS, "").split(os.pathsep)):
    Path(_file).write_text(str(os.getpid()), encoding="ascii")

_kept: list[bytes] = []


def _growing() -> bool:
    """Keeps something of every request, for ever."""
    _kept.append(os.urandom(KEPT_BYTES))
    time.sleep(SERVICE_S)
    return True


growing = wsgi(_growing)

__all__ = ["constant", "growing", "partly_locked", "spin"]
