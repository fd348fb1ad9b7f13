"""What the process backend refuses, and why; test_servers.py has what it brings up."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from floodmark.errors import TargetError
from floodmark.targets.process import ProcessBackend
from tests.support.targets import ALLOTMENT, INSTALLED, target


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
