"""Every server beyond the core ones, one start each: as declared, all workloads, equal counts, a graceful stop."""

from __future__ import annotations

import contextlib
import http.client
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from floodmark.targets.process import ProcessBackend
from floodmark.targets.ready import ask
from floodmark.targets.target import Check
from target_apps.ledger import LedgerReader
from target_apps.workloads import WORKLOADS
from tests.support.processes import wait_for
from tests.support.targets import ALLOTMENT, MORE, target

CLIENTS = 8
REQUESTS = 50


def visit(host: str, port: int) -> int:
    """Good answers to requests one after another, on one connection where the server keeps it."""
    good = 0
    connection = http.client.HTTPConnection(host, port, timeout=30)
    with contextlib.closing(connection):
        for _ in range(REQUESTS):
            connection.request("GET", WORKLOADS["hello"].path)
            answer = connection.getresponse()
            good += WORKLOADS["hello"].marker in answer.read() and answer.status == 200
    return good


@pytest.mark.parametrize("name", MORE)
def test_a_server_is_what_it_says_counts_what_is_sent_and_finishes_what_it_began(name: str, tmp_path: Path) -> None:
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

            def finished() -> int:
                return sum(count.finished for count in ledger.counts())

            for workload in WORKLOADS.values():
                check = Check(path=workload.path, marker=workload.marker, method=workload.method, body=workload.body)
                status, body = ask(wanted.host, wanted.port, check)
                assert (status, workload.marker in body) == (200, True), (workload, body)
            # The readiness check and one of each; a server closes the answer after it has sent it.
            wait_for(lambda: finished() == len(WORKLOADS) + 1, 5, "the last close")

            before = finished()
            with ThreadPoolExecutor(CLIENTS) as pool:
                good = sum(pool.map(lambda _: visit(wanted.host, wanted.port), range(CLIENTS)))
            assert good == CLIENTS * REQUESTS, running.log()
            with contextlib.suppress(AssertionError):
                wait_for(lambda: finished() - before >= good, 5, "the last close")
            assert finished() - before == good, (ledger.counts(), running.log())

            with ThreadPoolExecutor(max_workers=1) as pool:
                slow = Check(path="/io?ms=1000", marker=b"floodmark:io")
                answer = pool.submit(ask, wanted.host, wanted.port, slow)
                wait_for(lambda: sum(count.in_flight for count in ledger.counts()) == 1, 5, "a request in flight")
                running.down()
                assert answer.result(10) == (200, b"floodmark:io\n"), running.log()
    finally:
        running.down()
    assert running.ended() != "killed by SIGKILL"
    assert not any(process.is_running() for process in tree)
    assert not running.ledger_path.parent.exists()
    assert not scratch.exists()
