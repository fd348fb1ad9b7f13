"""A sweep of two settings: its files and its shape. What came out is the machine's affair."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.support.processes import Command, free_port, wait_for


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_small_sweep_end_to_end(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    words = ["sweep", "gunicorn-gthread", "--threads", "1,4", "--workers", "1", "--set", "search.time_budget_s=10"]
    command = Command([*words, "--backend", "process", "--bind", bind, "--results", str(tmp_path), "--json"])
    done = command.run(150)
    # A point without a number is a row; only a sweep without any says so.
    assert done.returncode in {0, 4}, done.stderr
    document = json.loads(done.stdout)
    (folder,) = tmp_path.iterdir()
    assert "-sweep-gunicorn-gthread-" in folder.name
    assert document["folder"] == str(folder)
    assert document["axes"] == {"server.threads": ["1", "4"]}
    found = rows(folder / "sweep.csv")
    assert sorted(row["point"] for row in found) == ["threads=1", "threads=4"]
    assert [row["order"] for row in found] == ["1", "2"]
    assert {row["verdict"] for row in found} <= {"confirmed", "no verdict", "generator limited"}
    for row in found:
        assert row["settings"].startswith("workers=1 threads=")
        assert int(row["pss_peak_bytes"]) > 10_000_000
        run = folder / row["run_id"]
        assert {"run.json", "steps.csv", "results.csv"} <= {path.name for path in run.iterdir()}
        facts = json.loads((run / "run.json").read_text())
        assert facts["quick"] is True
        assert isinstance(facts["limits_binding"], list)
        assert (row["recommended"] == "1") <= (row["verdict"] == "confirmed")
    assert document["sentences"]
    assert "2 settings (threads 1 4)" in done.stderr
    assert "left for all" in done.stderr


def test_an_interrupt_keeps_what_was_measured(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    words = ["sweep", "flask-single", "--workload", "io,hello", "--set", "search.time_budget_s=10"]
    command = Command([*words, "--backend", "process", "--bind", bind, "--results", str(tmp_path)])
    process = command.start()
    wait_for(lambda: bool(list(tmp_path.glob("*/*/load.jsonl"))), 60, "the first load")
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "0 of 2 settings were measured" in out
    assert "interrupted; 0 of 2 settings are in" in err
    command.must_have_left_nothing()


def test_what_cannot_be_swept_is_one_clear_error_and_nothing_is_started(tmp_path: Path) -> None:
    done = Command(["sweep", "waitress", "--workers", "1,2", "--results", str(tmp_path)]).run(30)
    assert done.returncode == 2
    assert "waitress has no setting 'workers'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
