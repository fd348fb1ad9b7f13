"""Real servers under a burst: slots by formula against requests truly inside the app."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from floodmark.concurrency.row import CONCURRENCY, ConcurrencyRow
from floodmark.results.table import read_table
from tests.support.processes import Command, free_port

CONTRACT = {
    "server",
    "settings",
    "nominal_slots",
    "max_inflight",
    "mean_inflight",
    "per_process",
    "waiting_in_server",
    "waiting_in_kernel",
    "burst_s",
    "ideal_s",
    "errors",
}


@pytest.mark.parametrize(
    ("name", "slots", "where"),
    [
        ("gunicorn-sync:workers=4", 4, "waiting_in_kernel"),
        ("gunicorn-gthread:workers=1,threads=4", 4, "waiting_in_server"),
        ("waitress:threads=4", 4, "waiting_in_server"),
        ("flask-threaded", 16, None),
    ],
)
def test_the_slots_are_what_is_inside_the_app_and_the_others_wait_where_the_server_keeps_them(
    tmp_path: Path, name: str, slots: int, where: str | None
) -> None:
    bind = f"127.0.0.1:{free_port()}"
    options = ["--backend", "process", "--bind", bind, "--results", str(tmp_path), "--json"]
    done = Command(["concurrency", name, "--clients", "16", "--hold-ms", "200", *options]).run()
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert set(found) >= CONTRACT
    assert sum(found["per_process"]) == found["max_inflight"] <= slots
    assert found["mean_inflight"] <= found["max_inflight"]
    if where is None:
        assert found["max_inflight"] > 4  # threads without limit; how many meet depends on how fast they start
    else:
        assert found["max_inflight"] == slots
        assert found[where] > 0  # how many of the others are there at once depends on how fast they come
    assert len(read_table(tmp_path / CONCURRENCY, ConcurrencyRow)) == 1


def test_wrong_settings_are_refused_before_any_server_starts(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    options = ["--backend", "process", "--bind", bind, "--results", str(tmp_path)]
    done = Command(["concurrency", "gunicorn-sync:workers=2", "gunicorn-sync:workers", *options]).run()
    assert done.returncode == 2
    assert "name=value" in done.stderr
