"""Whole runs with the real Locust against servers whose truth is known."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.support.processes import Command, free_port, only_run, slot_server


def test_four_slots_of_50_ms_are_found_behind_a_url(tmp_path: Path) -> None:
    port = free_port()
    with slot_server(port, slots=4, ms=50):
        done = Command(
            ["run", "--url", f"http://127.0.0.1:{port}/", "--quick", "--json", "--results", str(tmp_path)]
        ).run()
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    found = run["results"]
    assert found["ceiling_rps"]["value"] == pytest.approx(80, rel=0.02)
    assert found["ceiling_rps"]["lo"] <= 80 * 1.01
    assert found["knee_inflight"]["value"] == pytest.approx(4, abs=0.1)
    # Not "ok" as a rule: a neighbour on a shared machine makes the generator's loop late, and it says so.
    assert found["generator"]["value"] in {"ok", "suspect"}
    assert run["facts"]["generator"]["null_rps"] > 10 * found["ceiling_rps"]["value"]
    assert found["overload_kept"]["value"] == pytest.approx(1, abs=0.05)
    assert run["facts"]["status"] == "complete"
    assert run["facts"]["target"]["server"] == "external"


@pytest.mark.parametrize("status", [500, 404])
def test_errors_only_give_exit_4_and_no_number(tmp_path: Path, status: int) -> None:
    port = free_port()
    with slot_server(port, slots=4, ms=5, status=status):
        done = Command(["run", "--url", f"http://127.0.0.1:{port}/", "--results", str(tmp_path)]).run(60)
    assert done.returncode == 4
    assert "errors only" in done.stderr
    with (only_run(tmp_path) / "results.csv").open() as file:
        for row in csv.DictReader(file):
            if row["unit"] in {"requests/s", "users", "requests"}:
                assert (row["value"], row["lo"], row["hi"], row["valid"]) == ("", "", "", "0"), row


def test_gthread_end_to_end_with_local_processes(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    done = Command(
        ["run", "gthread", "--quick", "--backend", "process", "--bind", bind, "--results", str(tmp_path)]
    ).run()
    assert done.returncode == 0, done.stderr
    folder = only_run(tmp_path)
    assert {path.name for path in folder.iterdir()} == {
        "run.json",
        "results.csv",
        "steps.csv",
        "timeline.csv",
        "histograms.csv",
        "target.log",
        "locust.log",
        "locust_stats.csv",
        "locust_stats_history.csv",
        "locust_failures.csv",
        "locust_exceptions.csv",
    }
    with (folder / "results.csv").open() as file:
        results = {row["metric"]: row for row in csv.DictReader(file)}
    assert float(results["ceiling_rps"]["value"]) == pytest.approx(160, rel=0.05)
    assert float(results["knee_inflight"]["value"]) == pytest.approx(8, abs=0.4)
    assert float(results["time_outside_load_s"]["value"]) < 15
    with (folder / "steps.csv").open() as file:
        steps = list(csv.DictReader(file))
    held = [s for s in steps if s["phase"] == "hold"]
    assert len(held) >= 3
    assert all(float(s["app_inflight_mean"]) <= 8.05 for s in held)
    assert max(int(s["app_inflight_max"]) for s in held) == 8
    assert all(float(s["app_ms_mean"]) == pytest.approx(50.5, abs=2) for s in held)
    assert all(abs(float(s["server_count_gap"])) < 0.05 for s in held)
    facts = json.loads((folder / "run.json").read_text())
    assert facts["status"] == "complete"
    assert facts["target"]["effective"]["worker_class"] == "gthread"
    assert len(facts["target"]["pids"]) == 2

    before = (folder / "results.csv").read_bytes()
    again = Command(["verdict", str(folder)]).run(30)
    assert again.returncode == 0
    assert (folder / "results.csv").read_bytes() == before
    with (tmp_path / "runs.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["run_id"] == folder.name
    assert row["valid"] == "1"


def test_the_gate_fails_only_when_the_whole_interval_lies_below(tmp_path: Path) -> None:
    port = free_port()
    with slot_server(port, slots=1, ms=20):
        words = ["run", "--url", f"http://127.0.0.1:{port}/", "--quick", "--results", str(tmp_path), "--fail-under"]
        done = Command([*words, "100"]).run()
    assert done.returncode == 5, done.stderr
    assert "lies below --fail-under 100" in done.stderr
