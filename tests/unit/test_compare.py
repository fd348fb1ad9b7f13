"""Comparing stored runs: what is alike, what differs, what is refused, and the exit codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floodmark.cli import main
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import read_table, write_table
from target_apps.serve import ROOT

RUN = next((ROOT / "docs" / "runs").glob("*-gthread-io-1"))


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., Path]:
    """A stored run under another name, with its ceiling scaled and its facts changed."""

    def make(name: str, factor: float = 1.0, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Path:
        folder = tmp_path / name
        shutil.copytree(RUN, folder)
        facts = json.loads((folder / "run.json").read_text())
        facts["run_id"] = Path(name).name
        change(facts)
        (folder / "run.json").write_text(json.dumps(facts))
        rows = read_table(folder / RESULTS, Result)
        write_table(folder / RESULTS, Result, [scaled(row, factor) for row in rows])
        return folder

    return make


def scaled(row: Result, factor: float) -> Result:
    if row.metric != "ceiling_rps" or not isinstance(row.value, float) or row.lo is None or row.hi is None:
        return row
    cells = {name: getattr(row, name) for name in Result.__dataclass_fields__}
    return Result(**{**cells, "value": row.value * factor, "lo": row.lo * factor, "hi": row.hi * factor})


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_same_code_is_no_difference(copy: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--json", str(copy("a")), str(copy("b", 1.01))]) == 0
    rows = {row["metric"]: row for row in document(capsys)["rows"]}
    assert rows["ceiling_rps"]["word"] == "no difference"
    assert rows["ceiling_rps"]["ratio"] == pytest.approx(1.01)


def test_a_slower_b_is_exit_5_and_a_faster_one_is_not(
    copy: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = copy("a"), copy("b", 0.85)
    assert main(["compare", "--format", "md", str(a), str(b)]) == 5
    out, err = capsys.readouterr()
    assert "| gthread-io | ceiling_rps |" in out
    assert "worse" in out
    assert "worse in B: gthread-io ceiling_rps 0.850x" in err
    assert main(["compare", str(b), str(a)]) == 0
    assert "better" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda facts: facts["host"].update(cpu_model="Other"), "host.cpu_model: AMD EPYC against Other"),
        (lambda facts: facts.update(backend="compose"), "backend: process against compose"),
        (lambda facts: facts["scenario"]["server"].update(threads=8), "server.threads: 4 against 8"),
        (lambda facts: facts["scenario"]["load"].update(think_time_ms=5.0), "load.think_time_ms: 0.0 against 5.0"),
        (lambda facts: facts["scenario"]["budget"].update(cpus=2), "budget.cpus: 1 against 2"),
    ],
)
def test_unlike_runs_are_refused_unless_forced(
    copy: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    difference: str,
) -> None:
    a, b = copy("a"), copy("b", 1.0, change)
    assert main(["compare", str(a), str(b)]) == 2
    assert difference in capsys.readouterr().err
    assert main(["compare", "--json", "--force", str(a), str(b)]) == 0
    assert document(capsys)["unlike"] == [difference]
    assert main(["compare", "--force", "--format", "md", str(a), str(b)]) == 0
    assert capsys.readouterr().out.startswith("**forced: A and B are unlike")


def test_another_schema_is_refused(copy: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    b = copy("b", 1.0, lambda facts: facts.update(schema=99))
    assert main(["compare", str(copy("a")), str(b)]) == 2
    assert "schema 99" in capsys.readouterr().err


def test_versions_may_differ_and_are_named(copy: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    b = copy("b", 1.0, lambda facts: facts["target"].update(version="23.0.0"))
    assert main(["compare", "--json", str(copy("a")), str(b)]) == 0
    assert "server version: 27.0.1 against 23.0.0" in document(capsys)["notes"]


def test_folders_are_compared_by_what_both_have(
    copy: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, factor in enumerate([1.0, 1.01, 0.99]):
        copy(f"a/{number}", factor)
        copy(f"b/{number}", 0.9 * factor)
    copy("b/other", 1.0, lambda facts: facts["scenario"].update(workload="cpu"))
    assert main(["compare", "--json", str(tmp_path / "a"), str(tmp_path / "b")]) == 5
    found = document(capsys)
    (row,) = (row for row in found["rows"] if row["metric"] == "ceiling_rps")
    assert (row["n_a"], row["n_b"], row["word"]) == (3, 3, "worse")
    assert row["ratio"] == pytest.approx(0.9)
    assert found["only_b"] == ["gthread-cpu"]


def test_a_moved_reference_is_the_machine_and_nobodys_fault(
    copy: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def place(setup: str, role: str, number: int) -> Callable[[dict[str, Any]], None]:
        night = {"night": "n", "setup": setup, "role": role, "round": number, "again": False, "number": number}
        return lambda facts: facts.update(night=night)

    for side, factor in (("a", 1.0), ("b", 0.8)):
        for number, noise in enumerate([1.0, 1.01, 0.99], 1):
            copy(f"{side}/r{number}", factor * noise, place("reference-io", "reference", number))
            copy(f"{side}/s{number}", factor * noise, place("gthread-io", "setup", number))
    assert main(["compare", "--json", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    found = document(capsys)
    assert "reference-io moved: ceiling_rps 0.800x" in found["platform"][0]
    (row,) = (row for row in found["rows"] if row["metric"] == "ceiling_rps" and row["setup"] == "gthread-io")
    assert row["normalised"]
    assert row["word"] == "no difference"
    assert row["ratio"] == pytest.approx(1.0)


def test_a_censored_result_carries_no_verdict(copy: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    b = copy("b")
    rows = [row for row in read_table(b / RESULTS, Result) if row.metric != "ceiling_rps"]
    void = Result(metric="ceiling_rps", lo=100.0, unit="requests/s", valid=False, reason="the generator was the limit")
    write_table(b / RESULTS, Result, [void, *rows])
    assert main(["compare", "--json", str(copy("a")), str(b)]) == 0
    row = document(capsys)["rows"][0]
    assert (row["word"], row["b"]) == ("cannot tell", None)
    assert "the generator was the limit" in row["reason"]


def test_one_folder_is_ranked(copy: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, factor in (("fast", 1.0), ("same", 1.005), ("slow", 0.7)):
        for number, noise in enumerate([1.0, 1.01, 0.99], 1):
            night = {"night": "n", "number": 1, "setup": name, "role": "setup", "round": number, "again": False}
            copy(f"night/{name}{number}", factor * noise, lambda facts, night=night: facts.update(night=night))
    assert main(["compare", "--json", str(tmp_path / "night")]) == 0
    ranks = {row["setup"]: row["rank"] for row in json.loads(capsys.readouterr().out)}
    assert ranks == {"fast": 1, "same": 1, "slow": 3}
    assert main(["compare", "--format", "md", str(tmp_path / "night")]) == 0
    assert "| io | 1 |" in capsys.readouterr().out
