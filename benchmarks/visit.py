"""One visit of a load level by one client, and what it says of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from floodmark.protocol.load_settings import VARIABLE, LoadSettings, write_settings
from floodmark.search.settings import LevelSettings

SETTLE_S = 2.0
HERE = Path(__file__).parent


def visit_once(
    client: str, url: str, users: int, seconds: float, cpu: int, meanwhile: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Hold ``users`` for ``seconds``; returns the row of steps.csv.

    meanwhile: called soon after measuring began, with Locust's pid.
    """
    with tempfile.TemporaryDirectory(prefix="floodmark-") as name:
        folder = Path(name)
        settings = LoadSettings(journal=folder / "journal", level=LevelSettings(users=users, seconds=seconds))
        (folder / "load.json").write_bytes(write_settings(settings))
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "locust", "-f", str(HERE / "clients.py"), "-H", url, "--headless"),
                *("--ramp", "search", "--only-summary", "--loglevel", "ERROR"),
            ],
            env={**os.environ, "BENCHMARK_CLIENT": client, VARIABLE: str(folder / "load.json")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
        )
        try:
            _line(folder / "journal", "order", process)
            if meanwhile is not None:
                time.sleep(SETTLE_S + 1.0)
                meanwhile(process.pid)
            visit: dict[str, Any] = _line(folder / "journal", "step", process)["step"]
            process.wait(60)
        finally:
            process.kill()
            process.wait()
        return visit


def _line(journal: Path, kind: str, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
        for line in lines:
            if line.endswith("}") and (entry := json.loads(line))["kind"] == kind:
                found: dict[str, Any] = entry
                return found
        if process.poll() is not None:
            raise SystemExit(f"Locust ended (exit code {process.returncode}) before its {kind}")
        time.sleep(0.05)
    raise SystemExit(f"Locust did not come to its {kind}")
