"""The example of docs/extending.md, exactly as it stands there: started, verified, measured, stopped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from target_apps.serve import ROOT
from tests.support.processes import Command, free_port

PAGE = ROOT / "docs" / "extending.md"
EXAMPLE = re.compile(r"<!-- example: (?P<name>[\w.-]+) -->\n\n```\w+\n(?P<text>.*?)```\n", re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my-servers"
    folder.mkdir()
    for example in EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")):
        (folder / example["name"]).write_text(example["text"], encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == ["stdlib-pool.toml", "stdlib_pool.py"]
    return folder


def test_the_example_is_listed_started_measured_and_stopped(folder: Path, tmp_path: Path) -> None:
    environment = {"FLOODMARK_SERVERS": str(folder)}
    results = tmp_path / "results"
    assert "stdlib-pool" in Command(["list", "targets"], environment).run(30).stdout
    words = ["concurrency", "stdlib-pool:threads=3", "--clients", "12", "--hold-ms", "200", "--backend", "process"]
    bind = f"127.0.0.1:{free_port()}"
    done = Command([*words, "--bind", bind, "--results", str(results), "--json"], environment).run(60)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert found["server"] == "stdlib-pool"
    assert found["nominal_slots"] == found["max_inflight"] == 3
    assert found["waiting_in_server"] >= 1
    assert found["errors"] == ""


def test_a_setting_that_is_not_in_force_is_refused(folder: Path, tmp_path: Path) -> None:
    path = folder / "stdlib-pool.toml"
    path.write_text(path.read_text().replace('"{port}", "{threads}"', '"{port}", "2"'))
    words = ["up", "stdlib-pool", "--backend", "process", "--bind", f"127.0.0.1:{free_port()}"]
    done = Command([*words, "--results", str(tmp_path / "results")], {"FLOODMARK_SERVERS": str(folder)}).run(60)
    assert done.returncode == 3
    assert "declared stdlib-pool (threads=8" in done.stderr
    assert "different: threads" in done.stderr


def test_a_faulty_file_is_one_clear_error(folder: Path) -> None:
    (folder / "stdlib-pool.toml").write_text('titel = "x"')
    done = Command(["list", "targets"], {"FLOODMARK_SERVERS": str(folder)}).run(30)
    assert done.returncode == 2
    assert done.stderr.count("floodmark:") == 1
    assert "stdlib-pool.toml: title must be text" in done.stderr
    assert "Traceback" not in done.stderr
