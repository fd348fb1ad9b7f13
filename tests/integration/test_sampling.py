"""What the sampler sees of real sockets, processes and servers: counts, never speeds."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from floodmark.run.conductor import make_sampler
from floodmark.sampling.netstat import read_netstat
from floodmark.sampling.sock_diag import Listeners, SockDiag
from floodmark.sampling.tree import ProcessTrees
from floodmark.targets.process import ProcessBackend
from target_apps.ledger import LedgerReader
from tests.support.processes import free_port, wait_for
from tests.support.targets import ALLOTMENT, target

HOLD = b"GET /io?ms=4000 HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.contextmanager
def connected(host: str, port: int, count: int, say: bytes = b"") -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.create_connection((host, port), timeout=10))
            if say:
                client.sendall(say)
        yield


def test_the_accept_queue_of_a_port_and_what_was_accepted_from_it() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=4) as server, contextlib.ExitStack() as stack:
        port = server.getsockname()[1]
        diag = SockDiag(port)
        stack.callback(diag.close)
        with connected("127.0.0.1", port, 3):
            wait_for(lambda: diag.listeners() == Listeners(3, 4), 5, "three in the queue")
            assert diag.accepted() == 0
            accepted, _ = server.accept()
            stack.callback(accepted.close)
            assert diag.listeners() == Listeners(2, 4)
            assert diag.accepted() == 1


def test_nobody_listens() -> None:
    diag = SockDiag(free_port())
    assert diag.listeners() is None
    assert diag.accepted() == 0
    diag.close()


def test_connections_that_the_kernel_turns_away_are_counted() -> None:
    before = read_netstat()["ListenOverflows"]
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server, contextlib.ExitStack() as stack:
        for _ in range(6):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        wait_for(lambda: read_netstat()["ListenOverflows"] >= before + 3, 10, "three overflows")


def test_cpu_of_children_that_ended_and_the_scheduler_of_those_that_live() -> None:
    burn = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print(1, flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        trees = ProcessTrees([process.pid])
        assert process.stdout is not None
        process.stdout.readline()
        assert trees.members() == [process.pid]
        use = trees.use()
        assert use is not None
        assert use.cpu_s >= 0.19
        assert use.threads == 1
        assert use.rss_bytes > (trees.pss_bytes() or 0) > 0
        scheduling = trees.scheduling([process.pid])
        assert scheduling is not None
        assert scheduling.turns > 0
    finally:
        process.communicate(b"\n", timeout=10)
    assert trees.members() == []
    assert trees.use() is None
    assert ProcessTrees([os.getpid()]).members()[0] == os.getpid()


@pytest.mark.parametrize(
    ("name", "settings", "inside", "in_kernel"),
    [
        ("gunicorn-sync", {"workers": 1}, 1, 5),
        ("gunicorn-gthread", {"workers": 1, "threads": 2}, 2, 0),
    ],
)
def test_a_waiting_request_is_seen_where_the_server_keeps_it(
    name: str, settings: dict[str, int], inside: int, in_kernel: int, tmp_path: Path
) -> None:
    wanted = target(name, **settings)
    running = ProcessBackend().up(wanted, ALLOTMENT, tmp_path)
    assert running.ledger_path is not None
    sampler = make_sampler(running, ALLOTMENT)
    try:
        with contextlib.closing(LedgerReader(running.ledger_path)) as ledger:
            diag = SockDiag(wanted.port)
            with connected(wanted.host, wanted.port, 6, HOLD):
                wait_for(lambda: sum(c.in_flight for c in ledger.counts()) == inside, 10, "requests inside")
                wait_for(
                    lambda: (found := diag.listeners()) is not None and found.waiting == in_kernel, 10, "the others"
                )
                sampler.sample(0)
                start = time.time()
                time.sleep(0.2)
                sampler.sample(1)
                end = time.time()
                sampler.sample(5)
                use = sampler.between(start, end)
            diag.close()
    finally:
        sampler.stop()
        running.down()
    assert use.app_inflight_max == inside
    assert use.app_inflight_mean is not None
    assert use.listen_queue_max == in_kernel
    # So many in flight that the mean of a moment on a busy host decides nothing.
    assert use.waiting_in_kernel(1000.0) == in_kernel
    assert use.waiting_in_server(1000.0) == pytest.approx(1000 - use.app_inflight_mean - in_kernel)
    assert use.connections == 6 - in_kernel
    assert use.cpu_limit_cores == 1
    (process,) = use.by_process
    assert process.app_inflight_mean == pytest.approx(use.app_inflight_mean)
    assert process.cpu_cores is not None
