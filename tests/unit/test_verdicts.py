"""Which searches without a verdict fail their tests, and how many of the others a test run may have."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from floodmark.results.run import Run
from floodmark.verdict.enums import End, Generator, Phase
from target_apps.serve import ROOT
from tests.support.excuses import RESTLESS, VARIABLE
from tests.support.runs import made_up, store
from tests.support.verdicts import must_have_found, restless, settled

WAITED = {"gen_verdict": Generator.LIMITED, "gen_cpu_max": 0.3, "gen_demand_max": 0.9}


def changed(run: Run, *phases: Phase, **fields: Any) -> Run:
    """The run with these fields in all visits of some phases."""
    visits = [dataclasses.replace(v, **fields) if v.phase in phases else v for v in run.visits]
    return dataclasses.replace(run, visits=visits)


def lost(*phases: Phase, **fields: Any) -> Run:
    return changed(made_up(end=End.TIMED_OUT), *phases, **fields)


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (lost(Phase.HOLD, steal=0.05), "the hypervisor took 5.0% of the target's CPU time"),
        (lost(Phase.HOLD, **WAITED), "the generator used 30% of a core and waited 60% of the time for more"),
    ],
)
def test_a_search_that_its_host_kept_from_a_verdict_is_skipped_with_the_figures(
    run: Run, told: str, tmp_path: Path
) -> None:
    with pytest.raises(pytest.skip.Exception, match=f"{RESTLESS}.*{told}.* it timed out"):
        settled(4, store(run, tmp_path), "it timed out")


@pytest.mark.parametrize(
    "run",
    [
        lost(),
        lost(Phase.HOLD, steal=0.01),
        lost(Phase.BASE, Phase.WARM, Phase.VERIFY, steal=0.5),
        lost(*Phase, gen_verdict=Generator.LIMITED, gen_cpu_max=0.85, gen_demand_max=0.9),
        lost(*Phase, gen_verdict=Generator.LIMITED),
        lost(Phase.HOLD, **{**WAITED, "gen_verdict": Generator.SUSPECT}),
    ],
    ids=["quiet", "little steal", "elsewhere", "its own limit", "unknown CPU", "not the limit"],
)
def test_any_other_search_without_a_verdict_fails(run: Run, tmp_path: Path) -> None:
    assert restless(run) is None
    with pytest.raises(pytest.fail.Exception, match=r"nothing in .* shows a restless host"):
        settled(4, store(run, tmp_path), "it timed out")


def test_where_no_level_was_held_the_last_visits_say_how_the_host_was() -> None:
    run = made_up(end=End.TIMED_OUT)
    early = dataclasses.replace(run, visits=run.visits[:3])
    assert restless(early) is None
    assert restless(changed(early, Phase.WARM, Phase.BASE, Phase.BRACKET, steal=0.04)) is not None


def test_a_verdict_must_be_a_confirmed_ceiling_and_the_exit_code_must_be_right(tmp_path: Path) -> None:
    store(made_up(), tmp_path / "good")
    store(made_up(end=End.TIMED_OUT), tmp_path / "lost")

    def done(code: int) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], code, "", "it timed out")

    assert must_have_found(done(0), tmp_path / "good").number("ceiling_rps") == pytest.approx(160)
    assert must_have_found(done(5), tmp_path / "good", code=5).held
    with pytest.raises(AssertionError, match="it timed out"):
        must_have_found(done(3), tmp_path / "good")
    with pytest.raises(AssertionError, match="time"):
        must_have_found(done(0), tmp_path / "lost")


SUITE = """
import pytest
from tests.support.excuses import excuse

def test_good():
    pass

@pytest.mark.parametrize("number", range({count}))
def test_excused(number):
    excuse("steal 9 %")

def test_skipped_for_another_reason():
    pytest.skip("no such server here")
"""


def session(folder: Path, count: int, *words: str, file: Path | None = None) -> tuple[int, str]:
    """Another pytest with so many excuses, as one of several sessions where ``file`` is given."""
    folder.mkdir()
    (folder / "test_it.py").write_text(SUITE.format(count=count))
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:locust\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(folder), "-q", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: str(file or "")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_one_excuse_is_told_and_two_fail_the_test_run(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, told = session(tmp_path / "one", 1, *words)
    assert (code, told.count("test_excused[0]: steal 9 %")) == (0, 1)
    assert "1 in this test run; at most 1 is excused" in told
    code, told = session(tmp_path / "two", 2, *words)
    assert (code, told.count("steal 9 %")) == (1, 2)
    assert "2 in this test run; at most 1 is excused: FAILED" in told


def test_sessions_of_one_test_run_count_together(tmp_path: Path) -> None:
    file = tmp_path / "excuses"
    assert session(tmp_path / "first", 1, file=file)[0] == 0
    assert session(tmp_path / "second", 0, file=file)[0] == 0
    code, told = session(tmp_path / "third", 1, file=file)
    assert code == 1
    assert "2 in this test run" in told
    assert session(tmp_path / "alone", 1)[0] == 0
