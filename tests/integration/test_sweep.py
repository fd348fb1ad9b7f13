"""A small sweep: its files and its shape. What came out is the machine's affair."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.support.processes import Command, free_port, wait_for


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.long
def test_a_small_sweep_keeps_a_setting_that_fails_as_a_row(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    words = [
        "sweep",
        "gunicorn-sync",
        "--threads",
        "1,4",
        "--workers",
        "2",
        "--set",
        "search.time_budget_s=10",
        "--set",
        "search.precision=0.5",
    ]
    command = Command([*words, "--backend", "process", "--bind", bind, "--results", str(tmp_path), "--json"])
    done = command.run(150)
    (folder,) = tmp_path.iterdir()
    assert "-sweep-gunicorn-sync-" in folder.name
    document = json.loads(done.stdout)
    assert document["folder"] == str(folder)
    assert document["axes"] == {"server.threads": ["1", "4"]}
    assert (document["points"], document["of"]) == (2, 2)
    assert document["sentences"]
    assert "2 settings (threads 1 4), each on a freshly started server" in done.stderr
    assert "left in total" in done.stderr

    found = {row["point"]: row for row in rows(folder / "sweep.csv")}
    assert {row["order"] for row in found.values()} == {"1", "2"}
    refused, measured = found["threads=4"], found["threads=1"]
    assert refused["verdict"] == "target failed"
    assert "the running server has worker_class=gthread" in refused["reason"]
    assert (refused["ceiling_rps"], refused["recommended"]) == ("", "")
    assert measured["verdict"] in {"confirmed", "no verdict", "generator limited"}
    # Only a sweep in which nothing may be recommended has failed.
    assert done.returncode in ({0} if measured["recommended"] == "1" else {3, 4})
    assert measured["settings"].startswith("workers=2 threads=1")
    assert int(measured["pss_peak_bytes"]) > 10_000_000
    for row in found.values():
        facts = json.loads((folder / row["run_id"] / "run.json").read_text())
        assert facts["quick"] is True
        assert isinstance(facts["limits_binding"], list)


def test_an_interrupted_sweep_says_what_it_has(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    words = ["sweep", "flask-single", "--workload", "io,hello", "--backend", "process"]
    command = Command([*words, "--bind", bind, "--results", str(tmp_path)])
    process = command.start()
    wait_for(lambda: bool(list(tmp_path.glob("*/*/run.json"))), 60, "the first run")
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "0 of 2 settings were measured" in out
    assert "interrupted; 0 of 2 settings are in" in err
    command.must_have_left_nothing()
