"""Every server is brought up, verified, asked and taken down by the process backend."""

from __future__ import annotations

import contextlib
import http.client
from pathlib import Path

import psutil
import pytest

from floodmark.errors import TargetError
from floodmark.targets.process import ProcessBackend
from floodmark.targets.ready import ask
from floodmark.targets.target import Check
from target_apps.ledger import LedgerReader
from target_apps.workloads import WORKLOADS
from tests.support.processes import wait_for
from tests.support.targets import ALLOTMENT, INSTALLED, target


def test_the_core_servers_are_installed_here() -> None:
    assert set(INSTALLED) >= {"gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "waitress", "flask-threaded"}


@pytest.mark.parametrize("name", INSTALLED)
def test_a_server_serves_every_workload_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    wanted = target(name)
    running = ProcessBackend().up(wanted, ALLOTMENT, tmp_path)
    try:
        (root,) = running.root_pids()
        tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        assert all(process.cpu_affinity() == [0] for process in tree)
        assert running.effective.facts.items() >= wanted.server.expectations(wanted.settings).items()
        assert running.effective.version
        for workload in WORKLOADS.values():
            check = Check(path=workload.path, marker=workload.marker, method=workload.method, body=workload.body)
            status, body = ask(wanted.host, wanted.port, check)
            assert status == 200, (workload, body)
            assert workload.marker in body
        assert running.ledger_path is not None
        with contextlib.closing(LedgerReader(running.ledger_path)) as ledger:
            # The readiness check and one of each; a server closes the answer after it has sent it.
            wait_for(lambda: sum(c.finished for c in ledger.counts()) == len(WORKLOADS) + 1, 5, "the last close")
            assert sum(count.in_flight for count in ledger.counts()) == 0
    finally:
        running.down()
    assert not any(process.is_running() for process in tree)
    assert not running.ledger_path.exists()


@pytest.mark.parametrize("workers", [2, 8])
def test_sync_with_threads_is_refused_naming_both_configurations(tmp_path: Path, workers: int) -> None:
    with pytest.raises(TargetError) as caught:
        ProcessBackend().up(target("gunicorn-sync", workers=workers, threads=4), ALLOTMENT, tmp_path)
    text = str(caught.value)
    assert f"declared gunicorn-sync (worker_class=sync, workers={workers}, threads=4" in text
    assert f"the running server has worker_class=gthread, workers={workers}, threads=4" in text
    assert "different: worker_class" in text


def test_every_one_of_many_workers_with_threads_is_found(tmp_path: Path) -> None:
    running = ProcessBackend().up(target("gunicorn-gthread", workers=8, threads=4), ALLOTMENT, tmp_path)
    try:
        assert len(running.effective.pids) == 8
    finally:
        running.down()


def test_a_taken_port_names_its_holder(tmp_path: Path) -> None:
    first = target("waitress")
    running = ProcessBackend().up(first, ALLOTMENT, tmp_path)
    try:
        with pytest.raises(TargetError, match=r"is taken by process \d+ .*--bind 127.0.0.1:PORT"):
            ProcessBackend().up(first, ALLOTMENT, tmp_path)
    finally:
        running.down()


@pytest.mark.skipif("uwsgi" not in INSTALLED, reason="no uwsgi here")
def test_a_server_that_dies_at_start_shows_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        ProcessBackend().up(target("uwsgi", backlog=65535), ALLOTMENT, tmp_path)
    assert "ended before it was ready: exit code" in str(caught.value)
    assert "Listen queue size is greater than the system max" in caught.value.log


@pytest.mark.parametrize(
    ("app", "message", "log"),
    [
        ("tests.support.apps:failing", "/io answered 500", ""),
        ("tests.support.apps:mute", "without the marker 'floodmark:io'", ""),
        ("tests.support.apps:missing", "ended before it was ready", "has no attribute 'missing'"),
        ("tests.support.nowhere:app", "ended before it was ready", "No module named 'tests.support.nowhere'"),
    ],
)
def test_an_app_that_does_not_serve_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: str, message: str, log: str
) -> None:
    monkeypatch.setenv("FLOODMARK_APP", app)
    wanted = target("gunicorn-gthread")
    with pytest.raises(TargetError) as caught:
        ProcessBackend(ready_timeout_s=3).up(wanted, ALLOTMENT, tmp_path)
    assert message in str(caught.value)
    assert log in caught.value.log
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection(wanted.host, wanted.port, timeout=1).request("GET", "/")


def test_an_uninstalled_server_is_unavailable_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = target("waitress")
    monkeypatch.setattr(type(wanted.server), "missing", lambda _: "the package waitress is not installed")
    with pytest.raises(TargetError, match=r"unavailable here: .*; pip install waitress"):
        ProcessBackend().up(wanted, ALLOTMENT, tmp_path)
