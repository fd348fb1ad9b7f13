"""docs/build.py on a tree of its own: what it writes, what it finds stale, what it takes in."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from docs import build
from floodmark.errors import UsageError
from tests.support.runs import made_up, store

MARKED = "# x\n\n<!-- verdicts: written by machine -->\nold\n<!-- /verdicts -->\n\nrest\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(MARKED)
    store(made_up(), tmp_path / "docs" / "runs")
    return tmp_path


def write(root: Path) -> None:
    for path, text in build.documents(root).items():
        (root / path).write_text(text)


def test_what_was_written_is_up_to_date_until_something_changes(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.check(tree) == 1
    assert "README.md is out of date" in capsys.readouterr().err
    write(tree)
    assert build.check(tree) == 0
    store(made_up("sync", 0.5), tree / "docs" / "runs")
    assert build.check(tree) == 1
    write(tree)
    (tree / "docs" / "verdicts.svg").unlink()
    capsys.readouterr()
    assert build.check(tree) == 1
    assert "README.md" not in capsys.readouterr().err


def test_only_what_stands_between_the_marks_is_replaced(tree: Path) -> None:
    text = build.documents(tree)[build.README]
    assert text.startswith("# x\n\n<!-- verdicts: written by machine -->\n\n| server |")
    assert text.endswith(".\n\n<!-- /verdicts -->\n\nrest\n")
    assert "\nold\n" not in text


@pytest.mark.parametrize("readme", ["", "<!-- /verdicts -->\n<!-- verdicts: x -->\n"])
def test_a_readme_without_the_marks_is_an_error(tree: Path, readme: str) -> None:
    (tree / "README.md").write_text(readme)
    with pytest.raises(UsageError, match="no place"):
        build.documents(tree)


def test_the_newest_run_of_a_scenario_is_shown_and_fewest_slots_come_first(tree: Path) -> None:
    runs = tree / "docs" / "runs"
    newer = made_up(started="2026-12-01T00:00:00.000+00:00")
    newer = dataclasses.replace(newer, record=dataclasses.replace(newer.record, run_id="20261201T000000Z-gthread-io-1"))
    store(newer, runs)
    store(made_up("threaded", target={"nominal_slots": None}), runs)
    store(made_up("single", target={"nominal_slots": 1}), runs)
    shown = build.newest(runs)
    assert [run.record.scenario.name for run in shown] == ["single", "gthread", "threaded"]
    assert shown[1].run_id == newer.run_id


def test_without_a_run_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--add"):
        build.newest(tmp_path)


def test_adding_takes_three_files_and_no_path_of_the_machine(tree: Path, tmp_path: Path) -> None:
    run = made_up("sync", error="see /home/me/floodmark/results/x/locust.log, url http://127.0.0.1:8000/a/b")
    folder = store(run, tmp_path / "elsewhere")
    (folder / "timeline.csv").write_text("big")
    build.add(tree, [folder])
    kept = tree / "docs" / "runs" / run.run_id
    assert sorted(path.name for path in kept.iterdir()) == ["results.csv", "run.json", "steps.csv"]
    facts = json.loads((kept / "run.json").read_text())
    assert facts["error"] == "see locust.log, url http://127.0.0.1:8000/a/b"
    assert (kept / "steps.csv").read_bytes() == (folder / "steps.csv").read_bytes()


def test_adding_half_a_run_is_an_error_and_leaves_nothing(tree: Path, tmp_path: Path) -> None:
    folder = store(made_up("sync"), tmp_path / "elsewhere")
    (folder / "steps.csv").unlink()
    with pytest.raises(UsageError, match=r"no steps\.csv"):
        build.add(tree, [folder])
    assert not (tree / "docs" / "runs" / folder.name).exists()


def test_coordinates_are_rounded_and_text_is_not(tree: Path) -> None:
    run = made_up("one 0.98765 of a kind", 0.7)
    store(run, tree / "docs" / "runs")
    drawn = build.documents(tree)[build.PICTURE]
    assert "one 0.98765 of a kind" in drawn
    assert not re.search(r"\d\.\d{2,}[^<>]*>", re.sub(r"aria-label=\"[^\"]*\"", "", drawn))


def test_the_picture_is_drawn_on_white_and_always_the_same(tree: Path) -> None:
    first, again = (build.documents(tree)[build.PICTURE] for _ in range(2))
    assert first == again
    assert first.startswith("<svg")
    assert 'fill="white"' in first
    assert "gthread" in first
