"""What a run leaves behind when it is disturbed: no process, whole files, one clear error."""

from __future__ import annotations

import contextlib
import csv
import json
import signal
from pathlib import Path

import psutil
import pytest

from floodmark.cli import main
from tests.support.processes import Command, free_port, only_run, slot_server, wait_for, words_of


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def steps_of(results: Path) -> list[dict[str, str]]:
    folders = list(results.glob("*/steps.csv"))
    return rows(folders[0]) if folders else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_everything_and_keeps_finished_visits(tmp_path: Path, number: signal.Signals) -> None:
    bind = f"127.0.0.1:{free_port()}"
    command = Command(["run", "gthread", "--quick", "--backend", "process", "--bind", bind, "--results", str(tmp_path)])
    process = command.start()
    wait_for(lambda: len(steps_of(tmp_path)) >= 2, 60, "the second visit")
    before = steps_of(tmp_path)
    process.send_signal(number)
    _, err = process.communicate(timeout=40)
    assert process.returncode == 130
    assert f"interrupted by {number.name}" in err
    command.must_have_left_nothing()
    folder = only_run(tmp_path)
    assert rows(folder / "steps.csv")[: len(before)] == before
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    results = {row["metric"]: row for row in rows(folder / "results.csv")}
    assert results["ceiling_rps"]["value"] == ""
    assert "interrupted" in results["ceiling_rps"]["reason"]


def test_a_kill_of_the_conductor_takes_everything_with_it(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    command = Command(["run", "sync", "--backend", "process", "--bind", bind, "--results", str(tmp_path)])
    process = command.start()
    wait_for(lambda: len(steps_of(tmp_path)) >= 1, 60, "the first visit")
    process.kill()
    process.communicate(timeout=10)
    wait_for(lambda: command.offspring() == [], 30, "the end of Locust and the target")
    folder = only_run(tmp_path)
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert len(rows(folder / "steps.csv")) >= 1


def test_a_target_that_dies_under_load_is_exit_3_with_its_log(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    command = Command(["run", "gthread", "--backend", "process", "--bind", bind, "--results", str(tmp_path)])
    process = command.start()
    wait_for(lambda: len(steps_of(tmp_path)) >= 1, 60, "the first visit")
    for victim in command.offspring():
        if "gunicorn" in " ".join(words_of(victim)):
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "the target ended under load: killed by SIGKILL" in err
    command.must_have_left_nothing()
    folder = only_run(tmp_path)
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"
    assert len(rows(folder / "steps.csv")) >= 1
    results = {row["metric"]: row for row in rows(folder / "results.csv")}
    assert results["ceiling_rps"]["value"] == ""


def test_an_external_server_that_dies_is_noticed_by_its_silence(tmp_path: Path) -> None:
    port = free_port()
    with slot_server(port, slots=4, ms=5) as server:
        command = Command(["run", "--url", f"http://127.0.0.1:{port}/", "--quick", "--results", str(tmp_path)])
        process = command.start()
        wait_for(lambda: len(steps_of(tmp_path)) >= 2, 60, "the second visit")
        server.kill()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "the target stopped answering" in err
    command.must_have_left_nothing()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run"], 2, "say which scenario to run"),
        (["run", "gthraed"], 2, "did you mean 'gthread'"),
        (["run", "gthread", "--workload", "iio"], 2, "did you mean 'io'"),
        (["run", "gthread", "--set", "server.wrkers=2"], 2, "did you mean 'workers'"),
        (["run", "gthread", "--set", "server.workers=0"], 2, "workers = 0 is out of range"),
        (["run", "gthread", "--set", "budget.cpus=4096"], 2, "CPUs are usable here"),
        (["run", "gthread", "--repeat", "0"], 2, "--repeat 0: must be at least 1"),
        (["run", "gthread", "--bind", "8000"], 2, "must be HOST:PORT"),
        (["run", "gthread", "--bind", "127.0.0.1:99999"], 2, "must be HOST:PORT"),
        (["run", "gthread", "--pid", "1"], 2, "--pid has an effect only with --url"),
        (["run", "gthread", "--url", "http://127.0.0.1:1/"], 2, "not both"),
        (["run", "--url", "ftp://x/"], 2, "must be http://"),
        (["run", "--url", "http://127.0.0.1:1/", "--backend", "process"], 2, "--backend has no effect"),
        (["run", "--url", "http://127.0.0.1:1/"], 3, "does not answer"),
        (["verdict", "nowhere"], 2, "is not the folder of a run"),
        (["frobnicate"], 2, "invalid choice"),
        (["list", "targest"], 2, "invalid choice"),
        (["ui", "gthread", "--web-port", "0"], 2, "must be from 1 to 65535"),
    ],
)
def test_bad_input_is_one_clear_error_with_its_exit_code(
    tmp_path: Path, words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results = ["--results", str(tmp_path)] if words[0] == "run" else []
    assert main([*words, *results]) == code
    told = capsys.readouterr().err
    assert told.count("floodmark:") == 1
    assert message in " ".join(told.split())
    assert list(tmp_path.iterdir()) == []


def test_a_results_folder_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    done = Command(["run", "gthread", "--backend", "process", "--results", str(tmp_path / "results")]).run(30)
    assert done.returncode == 1
    assert "cannot write results to" in done.stderr
    assert "--results" in done.stderr


def test_up_and_down_by_hand(tmp_path: Path) -> None:
    port = free_port()
    up = Command(["up", "gthread", "--backend", "process", "--bind", f"127.0.0.1:{port}", "--results", str(tmp_path)])
    process = up.start()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == f"http://127.0.0.1:{port}\n"
    assert up.offspring()
    listening = [c.laddr for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert any(local and local.port == port for local in listening)
    down = Command(["down", "--results", str(tmp_path)]).run(60)
    assert "1 target stopped" in down.stderr
    up.must_have_left_nothing()
    assert "0 targets stopped" in Command(["down", "--results", str(tmp_path)]).run(60).stderr


def test_the_plan_starts_nothing() -> None:
    done = Command(["plan", "gthread", "sync", "--repeat", "2"]).run(30)
    assert done.returncode == 0
    assert "4 runs, about" in done.stdout


def test_lists_and_doctor() -> None:
    for kind, word in (("targets", "gunicorn-gthread"), ("scenarios", "gthread"), ("workloads", "floodmark:io")):
        assert word in Command(["list", kind]).run(30).stdout
    assert "net.core.somaxconn" in Command(["doctor"]).run(30).stdout
