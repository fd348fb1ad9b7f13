"""Whole runs with the real Locust against servers whose truth is known; the full table is ``make known-answers``.

Bars are wider here: other people's machines are busy. A test must not fail because its host was.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks.known_answers import suite, table
from benchmarks.known_answers.bench import Bench, evidence_of
from benchmarks.known_answers.case import Case, widened
from benchmarks.known_answers.evidence import Evidence
from benchmarks.known_answers.held import held_windows
from benchmarks.known_answers.servers import Server
from floodmark.verdict.enums import Advice, Bottleneck
from tests.support.processes import Command, free_port, only_run, slot_server
from tests.support.verdicts import must_have_found

WIDER = 5.0


def known(name: str) -> Case:
    (case,) = (case for case in suite.CASES if case.id == name)
    return widened(case, WIDER)


def must_be_inside(case: Case, evidence: Evidence) -> None:
    rows = table.judge(case, evidence, 0.0)
    assert [row for row in rows if row.verdict == table.OUTSIDE] == []
    assert any(row.verdict == table.INSIDE for row in rows)


@pytest.mark.parametrize("name", ["K16-endless", "K16-dying"])
def test_a_known_answer_is_found(name: str, tmp_path: Path) -> None:
    case = known(name)
    must_be_inside(case, case.measure(Bench(tmp_path, quick=True, limit_s=180), case))


def test_errors_only_give_no_number_in_any_row(tmp_path: Path) -> None:
    port = free_port()
    with slot_server(port, slots=4, ms=5, status=500):
        done = Command(["run", "--url", f"http://127.0.0.1:{port}/", "--results", str(tmp_path)]).run(60)
    assert done.returncode == 4
    assert "errors only" in done.stderr
    with (only_run(tmp_path) / "results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["unit"] in {"requests/s", "users", "requests"}]
    assert len(rows) > 5
    for row in rows:
        assert (row["value"], row["lo"], row["hi"], row["valid"]) == ("", "", "", "0"), row


@pytest.mark.alone
def test_gthread_end_to_end_with_local_processes(tmp_path: Path) -> None:
    case = known("K2")
    assert isinstance(case.target, Server)
    words = ["run", "gthread", "--quick", "--json", "--backend", "process", "--bind", f"127.0.0.1:{free_port()}"]
    runs = tmp_path / "runs"
    with Bench(tmp_path / "bench", quick=True).one_slot(case.target, "constant") as plain:
        done = Command([*words, "--verify-advice", "--results", str(runs)]).run()
    must_have_found(done, runs)
    evidence = evidence_of(done.returncode, done.stdout, tmp_path / "log")
    evidence = dataclasses.replace(evidence, slot_s=plain.per_answer_s(held_windows(evidence)))
    must_be_inside(case, evidence)
    folder = only_run(runs)
    assert {path.name for path in folder.iterdir()} == {
        "run.json",
        "results.csv",
        "steps.csv",
        "timeline.csv",
        "histograms.csv",
        "processes.csv",
        "target.log",
        "locust.log",
        "locust_stats.csv",
        "locust_stats_history.csv",
        "locust_failures.csv",
        "locust_exceptions.csv",
    }
    with (folder / "results.csv").open() as file:
        results = {row["metric"]: row for row in csv.DictReader(file)}
    # 3 to 8 s on a machine that has time for it.
    assert float(results["time_outside_load_s"]["value"]) < 40
    with (folder / "steps.csv").open() as file:
        visits = list(csv.DictReader(file))
    held = [s for s in visits if s["phase"] == "hold"]
    assert len(held) >= 3
    assert all(float(s["app_inflight_mean"]) <= 8.05 for s in held)
    assert max(int(s["app_inflight_max"]) for s in held) == 8
    # No request can wait for less than it sleeps; how much longer it takes is the machine's affair.
    assert all(float(s["app_ms_mean"]) >= 50 for s in held)
    # Little's law, between three numbers that come by three ways: from the probe's sums, counts and clients.
    for visit in held:
        expected = float(visit["goodput_rps"]) * float(visit["app_ms_mean"]) / 1000
        assert float(visit["app_inflight_mean"]) == pytest.approx(expected, rel=0.05), visit
    # Probe and clients may disagree by what was between them as the window opened and closed: 8 slots each time.
    for visit in held:
        answered = int(visit["good"]) + int(visit["errors"])
        assert abs(float(visit["server_count_gap"])) < 0.01 + 2 * 8 / answered, visit
    # Which word it is depends on what else the host does; that it is named and was tried does not.
    assert results["bottleneck"]["value"] in set(Bottleneck)
    assert results["effective_slots"]["value"] == results["knee_inflight"]["value"]
    assert results["advice"]["value"] in set(Advice)
    assert all(s["waiting_in_server"] and s["waiting_in_kernel"] and s["neighbour_cores"] for s in held)
    facts = json.loads((folder / "run.json").read_text())
    assert facts["status"] == "complete"
    assert facts["target"]["effective"]["worker_class"] == "gthread"
    assert len(facts["target"]["pids"]) == 2

    before = (folder / "results.csv").read_bytes()
    again = Command(["verdict", str(folder)]).run(30)
    assert again.returncode == 0
    assert (folder / "results.csv").read_bytes() == before
    with (runs / "runs.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["run_id"] == folder.name
    assert row["valid"] == "1"
