"""Over a whole run, the client counts exactly the requests that the server counts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from floodmark.protocol.load_settings import VARIABLE, LoadSettings, write_settings
from floodmark.targets.process import ProcessBackend
from target_apps.ledger import LedgerReader
from target_apps.serve import ROOT
from tests.support.processes import wait_for
from tests.support.targets import ALLOTMENT, INSTALLED, target


def requests_of(client: str, url: str, folder: Path, *, new_connections: bool, seconds: int = 2) -> tuple[int, int]:
    """Some seconds of plain Locust: all requests, and those that failed."""
    (folder / "load.json").write_bytes(write_settings(LoadSettings(new_connections=new_connections)))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", "locustfiles/hello.py", "-H", url, "--headless", "--json"),
            *("-u", "8", "-r", "100", "-t", f"{seconds}s", "-s", "5", "--loglevel", "ERROR"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            VARIABLE: str(folder / "load.json"),
            "FLOODMARK_CLIENT": client,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (entry,) = json.loads(done.stdout)
    return entry["num_requests"], entry["num_failures"]


CASES = [(name, "step", False) for name in INSTALLED] + [
    ("gunicorn-gthread", "step", True),
    ("waitress", "step", True),
    ("gunicorn-gthread", "lean", False),
    ("gunicorn-gthread", "lean", True),
    ("gunicorn-sync", "lean", False),
]


@pytest.mark.parametrize(("name", "client", "new_connections"), CASES)
def test_client_and_server_count_the_same(name: str, client: str, new_connections: bool, tmp_path: Path) -> None:
    running = ProcessBackend().up(target(name), ALLOTMENT, tmp_path)
    try:
        assert running.ledger_path is not None
        with contextlib.closing(LedgerReader(running.ledger_path)) as ledger:

            def finished() -> int:
                return sum(count.finished for count in ledger.counts())

            before = finished()
            requests, failures = requests_of(client, running.base_url, tmp_path, new_connections=new_connections)
            assert failures == 0, (requests, failures, running.log())
            assert requests > 20
            with contextlib.suppress(AssertionError):
                wait_for(lambda: finished() - before >= requests, 5, "the last close")
            assert finished() - before == requests, (ledger.counts(), running.log())
    finally:
        running.down()
