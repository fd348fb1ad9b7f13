"""Every server, one start each: as declared, all workloads, equal counts, a graceful stop, nothing left."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from floodmark.protocol.load_settings import VARIABLE, LoadSettings, write_settings
from floodmark.targets.process import ProcessBackend
from floodmark.targets.ready import ask
from floodmark.targets.target import Check, Running, Target
from target_apps.ledger import LedgerReader
from target_apps.serve import ROOT
from target_apps.workloads import WORKLOADS
from tests.support.processes import wait_for
from tests.support.targets import ALLOTMENT, INSTALLED, SERVERS, target

CLIENTS = 8
REQUESTS = 50
ENDS_AT_ONCE = {"flask-single", "flask-threaded"}
"""Whose signal to stop ends the requests under way too."""

LOADS: dict[str, tuple[tuple[str, bool], ...]] = {
    **dict.fromkeys(INSTALLED, (("step", False),)),
    "gunicorn-gthread": (("step", False), ("step", True), ("lean", False), ("lean", True)),
    "gunicorn-sync": (("step", False), ("lean", False)),
    "waitress": (("step", False), ("step", True)),
}
"""By server: clients of ours that count with it, and whether each request has a connection of its own."""


def test_the_core_servers_are_installed_here() -> None:
    assert set(INSTALLED) >= {"gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "waitress", "flask-threaded"}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_what_it_says_counts_what_is_sent_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    wanted = target(name)
    running = ProcessBackend().up(wanted, ALLOTMENT, tmp_path)
    tree: list[psutil.Process] = []
    scratch = tmp_path
    try:
        (root,) = running.root_pids()
        scratch = Path(running.handle().scratch)
        assert scratch.is_dir()
        tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        assert all(process.cpu_affinity() == [0] for process in tree)
        assert running.effective.facts.items() >= wanted.server.expectations(wanted.settings).items()
        assert running.effective.version
        assert running.ledger_path is not None
        with contextlib.closing(LedgerReader(running.ledger_path)) as ledger:
            serves_every_workload(wanted, ledger)
            counts_what_plain_clients_send(wanted, running, ledger)
            for client, new_connections in LOADS.get(name, ()):
                counts_what_locust_sends(running, ledger, tmp_path, client, new_connections=new_connections)
            if name not in ENDS_AT_ONCE:
                finishes_what_it_began(wanted, running, ledger)
    finally:
        running.down()
    assert running.ended() != "killed by SIGKILL"
    assert not any(process.is_running() for process in tree)
    assert not running.ledger_path.parent.exists()
    assert not scratch.exists()


def finished(ledger: LedgerReader) -> int:
    return sum(count.finished for count in ledger.counts())


def must_have_counted(sent: int, before: int, running: Running, ledger: LedgerReader) -> None:
    """A server closes an answer after it has sent it, so the last may take a moment."""
    with contextlib.suppress(AssertionError):
        wait_for(lambda: finished(ledger) - before >= sent, 5, "the last close")
    assert finished(ledger) - before == sent, (ledger.counts(), running.log())


def serves_every_workload(wanted: Target, ledger: LedgerReader) -> None:
    for workload in WORKLOADS.values():
        check = Check(path=workload.path, marker=workload.marker, method=workload.method, body=workload.body)
        status, body = ask(wanted.host, wanted.port, check)
        assert (status, workload.marker in body) == (200, True), (workload, body)
    # The readiness check and one of each.
    wait_for(lambda: finished(ledger) == len(WORKLOADS) + 1, 5, "the last close")
    assert sum(count.in_flight for count in ledger.counts()) == 0


def counts_what_plain_clients_send(wanted: Target, running: Running, ledger: LedgerReader) -> None:
    before = finished(ledger)
    with ThreadPoolExecutor(CLIENTS) as pool:
        good = sum(pool.map(lambda _: good_answers(wanted.host, wanted.port), range(CLIENTS)))
    assert good == CLIENTS * REQUESTS, running.log()
    must_have_counted(good, before, running, ledger)


def good_answers(host: str, port: int) -> int:
    """To requests one after another, on one connection where the server keeps it."""
    good = 0
    connection = http.client.HTTPConnection(host, port, timeout=30)
    with contextlib.closing(connection):
        for _ in range(REQUESTS):
            connection.request("GET", WORKLOADS["hello"].path)
            answer = connection.getresponse()
            good += WORKLOADS["hello"].marker in answer.read() and answer.status == 200
    return good


def counts_what_locust_sends(
    running: Running, ledger: LedgerReader, folder: Path, client: str, *, new_connections: bool
) -> None:
    """Some seconds of plain Locust with a client of ours: it counts exactly the requests that the server counts."""
    before = finished(ledger)
    (folder / "load.json").write_bytes(write_settings(LoadSettings(new_connections=new_connections)))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", "locustfiles/hello.py", "-H", running.base_url, "--headless"),
            *("-u", "8", "-r", "100", "-t", "1s", "-s", "5", "--loglevel", "ERROR", "--json"),
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
    assert entry["num_failures"] == 0, (entry, running.log())
    assert entry["num_requests"] > 20
    must_have_counted(entry["num_requests"], before, running, ledger)


def finishes_what_it_began(wanted: Target, running: Running, ledger: LedgerReader) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        answer = pool.submit(ask, wanted.host, wanted.port, Check(path="/io?ms=1000", marker=b"floodmark:io"))
        wait_for(lambda: sum(count.in_flight for count in ledger.counts()) == 1, 5, "a request in flight")
        running.down()
        assert answer.result(10) == (200, b"floodmark:io\n"), running.log()
