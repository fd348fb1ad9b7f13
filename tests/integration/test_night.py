"""A night that is killed and resumed: what was measured stays, to the byte, and is not measured again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests.support.processes import Command, free_port, wait_for

SUITE = """
[setup.small]
scenario = "reference"
workload = "io"
set = ["search.max_users=2"]
"""


def facts(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


def runs(night: Path) -> list[Path]:
    return sorted(path.parent for path in night.glob("*/run.json"))


def content(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.iterdir()}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_killed_night_goes_on_where_it_was(tmp_path: Path) -> None:
    suite = tmp_path / "suite.toml"
    suite.write_text(SUITE)
    results = tmp_path / "results"
    words = ["--backend", "process", "--bind", f"127.0.0.1:{free_port()}", "--results", str(results)]
    command = Command(["nightly", str(suite), "--rounds", "2", "--quick", "--seed", "1", *words])
    process = command.start()

    def under_way() -> bool:
        begun = [run for night in results.glob("nightly/*") for run in runs(night)]
        return len(begun) == 2 and (begun[1] / "target.log").exists()

    wait_for(under_way, 150, "the second visit")
    process.kill()
    _, err = process.communicate(timeout=10)
    assert "if it is killed, continue with: floodmark resume" in err.lower()
    wait_for(lambda: command.offspring() == [], 30, "the end of Locust and the target")

    (night,) = results.glob("nightly/*")
    first, second = runs(night)
    assert (facts(first)["status"], facts(second)["status"]) == ("complete", "interrupted")
    assert json.loads((night / "night.json").read_text())["status"] == "running"
    kept = content(first)

    done = Command(["resume", str(night)]).run(120)
    assert done.returncode == 4, done.stderr  # two users saturate nothing: no number, and no verdict
    assert "1 of 2 visits are done" in done.stderr
    assert content(first) == kept
    assert facts(second)["status"] == "interrupted"
    assert len(runs(night)) == 3
    assert [facts(run)["night"]["number"] for run in runs(night)] == [1, 2, 2]
    rounds = table(night / "rounds.csv")
    assert {(row["round"], row["metric"], row["valid"]) for row in rounds} >= {
        ("1", "ceiling_rps", "0"),
        ("2", "ceiling_rps", "0"),
    }
    assert {row["finding"] for row in table(night / "night.csv")} == {"no verdict"}
    assert table(night.parent / "nights.csv") == table(night / "night.csv")
    assert "False alarms: not known yet" in (night / "summary.md").read_text()
    assert json.loads((night / "night.json").read_text())["status"] == "complete"
    again = Command(["resume", str(night)]).run(30)
    assert again.returncode == 2
    assert "is complete" in again.stderr
