"""Makes a single visit to a level, with a new Locust process."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from floodmark.protocol.journal import JournalReader, Visited
from floodmark.protocol.load_settings import LoadSettings
from floodmark.run.locust_process import LocustProcess
from floodmark.search.settings import LevelSettings
from floodmark.verdict.visit import Visit

TIMEOUT_S = 60.0

Start = Callable[[LoadSettings, int], LocustProcess]
"""Starts Locust with these settings and this number of processes."""


def visit_level(
    start: Start, settings: LoadSettings, level: LevelSettings, processes: int, journal: Path
) -> Visit | None:
    """Make the visit; None if Locust ended without one."""
    locust = start(dataclasses.replace(settings, journal=journal, level=level), processes)
    try:
        reader, deadline = JournalReader(journal), time.monotonic() + TIMEOUT_S + level.seconds
        while time.monotonic() < deadline:
            for entry in reader.new():
                if isinstance(entry, Visited):
                    return entry.visit
            if locust.wait(0.2) is not None:
                break
        return None
    finally:
        locust.stop()
        journal.unlink(missing_ok=True)
