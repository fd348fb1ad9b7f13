"""Two sides measured by turns, and two occasions that the machine sets apart."""

from __future__ import annotations

import dataclasses
import math
import subprocess
from pathlib import Path

import pytest

from floodmark.compare.comparison import compare
from floodmark.compare.inputs import RunSet, Start
from floodmark.compare.measure import Side, by_turns, checked_out
from floodmark.errors import UsageError
from floodmark.results.record import PaceRecord
from floodmark.results.run import read_summary
from floodmark.verdict.difference import Word
from tests.support.runs import made_up, store


def run(root: Path, number: int, scale: float = 1.0, host_sd: float = 0.02) -> Path:
    """A stored run, the more recent the higher its number."""
    name = f"r{number:02}"
    started = f"2026-11-20T{number:02}:00:00+00:00"
    made = made_up(name, scale, started=started, pace=PaceRecord(host_sd=host_sd))
    scenario = dataclasses.replace(made.record.scenario, name="gthread")
    return store(dataclasses.replace(made, record=dataclasses.replace(made.record, scenario=scenario)), root)


def occasion(root: Path, numbers: list[int], scale: float = 1.0, host_sd: float = 0.02) -> RunSet:
    folders = [run(root, number, scale, host_sd) for number in numbers]
    return RunSet(path=root, starts=tuple(Start(run=read_summary(folder)) for folder in folders))


def test_sides_take_turns_and_the_order_turns_with_each_round(tmp_path: Path) -> None:
    order = []

    def measure(side: int, number: int) -> Path:
        order.append("AB"[side])
        return run(tmp_path, number, 1.0 if side == 0 else 0.9)

    a, b = by_turns(("a", "b"), 3, measure)
    assert "".join(order) == "ABBAAB"
    assert [start.turn for start in a.starts] == [start.turn for start in b.starts] == [1, 2, 3]
    row = next(row for row in compare(a, b, meant=True).rows if row.metric == "ceiling_rps")
    assert row.word is Word.WORSE
    assert row.ratio == pytest.approx(0.9, rel=0.01)


def test_what_differs_is_the_subject_where_both_were_measured_for_it(tmp_path: Path) -> None:
    a, b = occasion(tmp_path / "a", [1]), occasion(tmp_path / "b", [2])
    other = dataclasses.replace(b.starts[0].run.record, backend="compose")
    b = RunSet(path=b.path, starts=(Start(run=dataclasses.replace(b.starts[0].run, record=other)),))
    with pytest.raises(UsageError, match="unlike"):
        compare(a, b)
    meant = compare(a, b, meant=True)
    assert meant.unlike == ()
    assert any("backend" in note for note in meant.notes)


@pytest.mark.parametrize("starts", [1, 3, 10])
def test_the_machine_s_days_are_in_the_interval_however_many_starts(tmp_path: Path, starts: int) -> None:
    a = occasion(tmp_path / "a", list(range(starts)))
    b = occasion(tmp_path / "b", list(range(starts, 2 * starts)), scale=0.955)
    row = next(row for row in compare(a, b).rows if row.metric == "ceiling_rps")
    assert row.lo is not None
    assert row.hi is not None
    assert math.log(row.hi / row.lo) / 2 > 1.96 * math.sqrt(2) * 0.02
    assert row.word is Word.TIE
    steady = compare(
        occasion(tmp_path / "c", list(range(starts)), host_sd=0.0),
        occasion(tmp_path / "d", list(range(starts, 2 * starts)), scale=0.955, host_sd=0.0),
    )
    word = next(row for row in steady.rows if row.metric == "ceiling_rps").word
    assert word is (Word.WORSE if starts > 1 else Word.TIE)


def test_occasions_that_overlap_share_the_machine(tmp_path: Path) -> None:
    a, b = occasion(tmp_path / "a", [1, 4]), occasion(tmp_path / "b", [2, 3], scale=0.955)
    assert next(row for row in compare(a, b).rows if row.metric == "ceiling_rps").word is Word.WORSE


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("gthread", Side(text="gthread", name="gthread")),
        (
            "gthread:workers=4,load.think_time_ms=100",
            Side(
                text="gthread:workers=4,load.think_time_ms=100",
                name="gthread",
                settings=("server.workers=4", "load.think_time_ms=100"),
            ),
        ),
        ("my.toml@HEAD~1", Side(text="my.toml@HEAD~1", name="my.toml", revision="HEAD~1")),
        (
            "my.toml@v1:server=uwsgi",
            Side(text="my.toml@v1:server=uwsgi", name="my.toml", revision="v1", settings=('app.servers=["uwsgi"]',)),
        ),
    ],
)
def test_a_side_is_a_scenario_with_settings_or_of_a_revision(text: str, side: Side) -> None:
    assert Side.parse(text) == side


@pytest.mark.parametrize(("text", "why"), [(":workers=4", "must be a scenario"), ("gthread:4", "no KEY=VALUE")])
def test_what_is_no_side_says_why(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Side.parse(text)


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x", *words], check=True)


def test_a_revision_is_checked_out_and_removed_again(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for text in ("old", "new"):
        (tmp_path / "floodmark.toml").write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", text)
    with checked_out(Side.parse(f"{tmp_path}/floodmark.toml@HEAD~1")) as side:
        there = Path(side.name)
        assert there.read_text() == "old"
    assert not there.exists()
    assert len(list((tmp_path / ".git").glob("worktrees/*"))) == 0


@pytest.mark.parametrize("revision", ["nowhere", "--help", "-f"])
def test_a_revision_that_is_not_there_says_so(tmp_path: Path, revision: str) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "floodmark.toml").write_text("x")
    with (
        pytest.raises(UsageError, match=r"floodmark\.toml@"),
        checked_out(Side.parse(f"{tmp_path}/floodmark.toml@{revision}")),
    ):
        raise AssertionError


def test_only_files_in_a_repository_have_revisions(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only a TOML file"), checked_out(Side.parse("gthread@HEAD")):
        raise AssertionError
    with pytest.raises(UsageError, match="not a git repository"), checked_out(Side.parse(f"{tmp_path}/x.toml@HEAD")):
        raise AssertionError
