"""Plain Locust on our locustfiles, the ramp as an option, and the web UI."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from target_apps.serve import ROOT
from tests.support.processes import Command, free_port, slot_server, wait_for


def locust(*words: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "locust", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_without_our_option_a_locustfile_is_ordinary_locust(tmp_path: Path) -> None:
    port = free_port()
    with slot_server(port, slots=8, ms=10):
        done = locust(
            *("-f", "locustfiles/url.py", "-H", f"http://127.0.0.1:{port}", "--headless", "-u", "3", "-r", "3"),
            *("-t", "3s", "--csv", str(tmp_path / "out")),
        )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out_exceptions.csv",
        "out_failures.csv",
        "out_stats.csv",
        "out_stats_history.csv",
    ]
    assert "Shape test" not in done.stderr


def test_locustfile_io_does_not_hide_the_standard_library_s_io() -> None:
    # Locust registers a locustfile under its file's name.
    done = locust("-f", "locustfiles/io.py", "--list")
    assert done.returncode == 0, done.stderr
    assert "IoUser" in done.stdout


def test_steps_ramp_writes_its_own_files_beside_locust_s(tmp_path: Path) -> None:
    port = free_port()
    with slot_server(port, slots=2, ms=10):
        done = locust(
            *("-f", "locustfiles/url.py", "-H", f"http://127.0.0.1:{port}", "--headless", "-u", "2"),
            *("--ramp", "steps", "--csv", str(tmp_path / "out")),
        )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out_steps.csv").open() as file:
        visits = list(csv.DictReader(file))
    assert [(s["phase"], s["users"]) for s in visits] == [("step", "1"), ("step", "2")]
    assert float(visits[1]["goodput_rps"]) > 1.7 * float(visits[0]["goodput_rps"])
    assert (tmp_path / "out_timeline.csv").exists()
    assert (tmp_path / "out_histograms.csv").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_headless_search_ends_cleanly_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    with slot_server(port, slots=2, ms=10):
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "locust", "-f", "locustfiles/url.py", "-H", f"http://127.0.0.1:{port}"),
                *("--headless", "--ramp", "search", "--csv", str(tmp_path / "out")),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        visits = tmp_path / "out_steps.csv"
        wait_for(lambda: visits.exists() and len(visits.read_text().splitlines()) > 1, 30, "a visit")
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "search ended: interrupted" in err
    assert (tmp_path / "out_stats.csv").exists()


@pytest.mark.long
def test_the_web_ui_runs_the_search_and_stops_everything_when_it_ends() -> None:
    port, web = free_port(), free_port()
    command = Command(["ui", "gthread", "--backend", "process", "--bind", f"127.0.0.1:{port}", "--web-port", str(web)])
    process = command.start()

    def ask(path: str, form: dict[str, str] | None = None) -> Any:
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        with urllib.request.urlopen(f"http://127.0.0.1:{web}{path}", data=data, timeout=5) as answer:
            return answer.read().decode()

    assert process.stderr is not None
    while "Locust's web UI" not in process.stderr.readline():
        assert process.poll() is None
    page = ask("/")  # at once: a URL that is printed can be opened
    assert '"ramp"' in page
    assert '"search"' in page

    form = {"user_count": "1", "spawn_rate": "1", "host": f"http://127.0.0.1:{port}"}
    assert json.loads(ask("/swarm", {**form, "ramp": "search"}))["success"]
    seen = set()

    def ramped() -> bool:
        seen.add(json.loads(ask("/stats/requests"))["user_count"])
        return {16, 1, 2} <= seen

    wait_for(ramped, 40, "the users to go to 16, 1 and 2")
    ask("/stop", {})
    wait_for(lambda: json.loads(ask("/stats/requests"))["state"] == "stopped", 20, "the stop")

    # And ordinary Locust from the same page.
    assert json.loads(ask("/swarm", {**form, "user_count": "3", "ramp": "none"}))["success"]
    wait_for(lambda: json.loads(ask("/stats/requests"))["user_count"] == 3, 20, "three users")
    ask("/stop", {})

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=40)
    assert process.returncode == 130, err
    command.must_have_left_nothing()
