"""Hostile clients at real servers: who starves is known from how each server reads a request."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from floodmark.hostile.measure import calm, disturbed
from floodmark.hostile.row import HOSTILE, Conditions, HostileRow, Kind, Observation, Word
from floodmark.protocol.journal import JournalReader, Visited
from floodmark.protocol.load_settings import VARIABLE, LoadSettings, write_settings
from floodmark.results.table import read_table
from floodmark.search.settings import LevelSettings
from floodmark.targets.process import ProcessBackend
from floodmark.targets.target import Running
from target_apps.ledger import LedgerReader
from target_apps.serve import ROOT
from tests.support.processes import Command, free_port, slot_server, wait_for
from tests.support.targets import ALLOTMENT, target

SLOTS = 2
CONDITIONS = Conditions(hostile=SLOTS, users=2, window_s=2.0)


@contextlib.contextmanager
def up(name: str, folder: Path, **settings: int) -> Iterator[Running]:
    running = ProcessBackend().up(target(name, **settings), ALLOTMENT, folder)
    try:
        yield running
    finally:
        running.down()


def observation(running: Running, kind: Kind) -> Observation:
    found = disturbed(running, kind, CONDITIONS)
    assert found.alive
    assert calm(running)
    return found


def test_as_many_silent_connections_as_sync_workers_starve_the_others(tmp_path: Path) -> None:
    with up("gunicorn-sync", tmp_path, workers=SLOTS) as running:
        found = observation(running, Kind.IDLE_SILENT)
    assert found.service.answered == 0
    assert (found.evidence.in_app, found.evidence.held) == (0, SLOTS)
    assert found.evidence.in_kernel > 0


def test_a_server_that_waits_for_requests_in_a_loop_goes_on_serving(tmp_path: Path) -> None:
    with up("gunicorn-gevent", tmp_path) as running:
        found = observation(running, Kind.IDLE_SILENT)
    assert found.service.answered > 0
    assert found.evidence.held == SLOTS


def test_aborted_requests_leave_the_server_serving_and_nothing_in_the_app(tmp_path: Path) -> None:
    with up("waitress", tmp_path, threads=SLOTS) as running:
        observation(running, Kind.ABORTED)
        assert running.ledger_path is not None
        with contextlib.closing(LedgerReader(running.ledger_path)) as ledger:
            wait_for(lambda: sum(c.in_flight for c in ledger.counts()) == 0, 20, "the end of aborted requests")
            assert sum(c.lost for c in ledger.counts()) == 0


def test_the_command_stores_what_it_says(tmp_path: Path) -> None:
    words = ["hostile", "waitress:threads=2", "--kinds", "idle-silent", "--clients", "2", "--seconds", "2", "--json"]
    options = ["--backend", "process", "--bind", f"127.0.0.1:{free_port()}", "--results", str(tmp_path)]
    done = Command([*words, *options]).run()
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    (stored,) = read_table(tmp_path / HOSTILE, HostileRow)
    assert (found["server"], found["kind"], found["nominal_slots"]) == ("waitress", "idle-silent", 2)
    assert found["word"] == stored.word != Word.STARVED  # its loop waits for requests, no thread does
    assert (stored.held, stored.alive) == (2, True)


def test_a_level_of_users_does_not_count_the_hostile_ones_beside_them(tmp_path: Path) -> None:
    port, journal = free_port(), tmp_path / "journal"
    settings = LoadSettings(journal=journal, level=LevelSettings(users=2, seconds=1.0))
    (tmp_path / "load.json").write_bytes(write_settings(settings))
    with slot_server(port, slots=8, ms=10):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "locust", "-f", "locustfiles/hostile.py", "-H", f"http://127.0.0.1:{port}"),
                *("--headless", "--ramp", "search", "--hostile", "idle-silent=5,half-header=2", "--only-summary"),
            ],
            cwd=ROOT,
            env={**os.environ, VARIABLE: str(tmp_path / "load.json"), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    (visit,) = [entry.visit for entry in JournalReader(journal).new() if isinstance(entry, Visited)]
    assert visit.users == 2
    assert visit.error_body > 0  # the slot server does not know the marker; what counts is who asked
    assert '"IdleSilentUser": 5' in done.stderr
    assert '"VisitorUser": 2' in done.stderr
