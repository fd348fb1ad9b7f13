"""One visit of a load level by one client, and what it says of itself."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from floodmark.protocol.load_settings import LoadSettings
from floodmark.run.locust_process import LocustProcess
from floodmark.run.single_level import visit_level
from floodmark.search.settings import LevelSettings
from floodmark.verdict.visit import Visit

SETTLE_S = 2.0
LOCUSTFILE = Path(__file__).parent / "clients.py"
ARGUMENTS = ("--headless", "--ramp", "search", "--only-summary", "--loglevel", "ERROR")


def visit_once(
    client: str, url: str, users: int, seconds: float, cpu: int, meanwhile: Callable[[int], None] | None = None
) -> Visit:
    """Hold ``users`` for ``seconds``, with Locust on one CPU. Raises SystemExit where Locust did not come to a visit.

    meanwhile: called soon after measuring began, with Locust's pid.
    """
    os.environ["BENCHMARK_CLIENT"] = client
    with tempfile.TemporaryDirectory(prefix="floodmark-") as name:
        folder = Path(name)
        timers: list[threading.Timer] = []

        def start(settings: LoadSettings, _processes: int) -> LocustProcess:
            locust = LocustProcess(LOCUSTFILE, url, ARGUMENTS, settings, folder, log=folder / "log", cpus=[cpu])
            if meanwhile is not None:
                timers.append(threading.Timer(SETTLE_S + seconds / 2, meanwhile, [locust.pid]))
                timers[0].start()
            return locust

        level = LevelSettings(users=users, seconds=seconds)
        visit = visit_level(start, LoadSettings(), level, 1, folder / "journal")
        for timer in timers:
            timer.join()
        if visit is None:
            raise SystemExit(f"Locust did not come to a visit:\n{(folder / 'log').read_text(encoding='utf-8')}")
        return visit
