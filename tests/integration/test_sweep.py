"""A small sweep: its files and its shape. What came out is the machine's affair."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.support.processes import Command, free_port, wait_for


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_an_interrupted_sweep_keeps_the_settings_it_measured_and_judges_them(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    words = ["sweep", "gunicorn-gthread", "--threads", "1,4,8", "--workers", "1", "--set", "search.time_budget_s=10"]
    command = Command([*words, "--backend", "process", "--bind", bind, "--results", str(tmp_path), "--json"])
    process = command.start()

    def measured() -> list[dict[str, str]]:
        return [row for file in tmp_path.glob("*/sweep.csv") for row in rows(file)]

    wait_for(lambda: len(measured()) == 2, 150, "the second setting")
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    command.must_have_left_nothing()

    (folder,) = tmp_path.iterdir()
    assert "-sweep-gunicorn-gthread-" in folder.name
    document = json.loads(out)
    assert document["folder"] == str(folder)
    assert document["axes"] == {"server.threads": ["1", "4", "8"]}
    assert (document["points"], document["of"]) == (2, 3)
    assert document["sentences"]
    assert "3 settings (threads 1 4 8), a freshly started server for each" in err
    assert "left for all" in err
    assert f"interrupted; 2 of 3 settings are in {folder}" in err

    found = measured()
    assert [row["order"] for row in found] == ["1", "2"]
    assert len({row["point"] for row in found} & {"threads=1", "threads=4", "threads=8"}) == 2
    # A setting without a number is a row like the others.
    assert {row["verdict"] for row in found} <= {"confirmed", "no verdict", "generator limited"}
    for row in found:
        assert row["settings"].startswith("workers=1 threads=")
        assert int(row["pss_peak_bytes"]) > 10_000_000
        assert (row["recommended"] == "1") <= (row["verdict"] == "confirmed")
        run = folder / row["run_id"]
        assert {"run.json", "steps.csv", "results.csv"} <= {path.name for path in run.iterdir()}
        facts = json.loads((run / "run.json").read_text())
        assert facts["quick"] is True
        assert isinstance(facts["limits_binding"], list)


def test_what_cannot_be_swept_is_one_clear_error_and_nothing_is_started(tmp_path: Path) -> None:
    done = Command(["sweep", "waitress", "--workers", "1,2", "--results", str(tmp_path)]).run(30)
    assert done.returncode == 2
    assert "waitress has no setting 'workers'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
