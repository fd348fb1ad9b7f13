"""Which searches without a verdict fail their tests, and how many of the others a test run may have."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import pytest

from floodmark.results.run import Run
from floodmark.verdict.enums import End, Generator, Phase
from target_apps.serve import ROOT
from tests.support.excuses import RESTLESS, VARIABLE
from tests.support.runs import made_up, store
from tests.support.verdicts import must_have_found, restless, settled

pytest_plugins = ["pytester"]

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


CONFTEST = (ROOT / "tests" / "conftest.py").read_text()


def session(pytester: pytest.Pytester, count: int, *words: str) -> pytest.RunResult:
    """A test run, or a session of one, with so many excuses."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SUITE.format(count=count))
    return pytester.runpytest_inprocess("-p", "no:locust", *words)


@pytest.fixture(autouse=True)
def no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The excuses made here are none of the test run that makes them."""
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize("words", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_two_excuses_fail_the_test_run(pytester: pytest.Pytester, words: tuple[str, ...]) -> None:
    done = session(pytester, 2, *words)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=1, skipped=3)
    done.stdout.fnmatch_lines(
        ["*test_excused?0?: steal 9 %", "*test_excused?1?: steal 9 %", "2 in this test run*FAILED"]
    )


def test_one_excuse_is_told_and_passes(pytester: pytest.Pytester) -> None:
    done = session(pytester, 1)
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["*test_excused?0?: steal 9 %", "1 in this test run; at most 1 is excused"])
    assert "in this test run" not in session(pytester, 0).stdout.str()


def test_sessions_of_one_test_run_count_together(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(pytester.path / "excuses"))
    assert session(pytester, 1).ret == pytest.ExitCode.OK
    assert session(pytester, 0).ret == pytest.ExitCode.OK
    again = session(pytester, 1)
    assert again.ret == pytest.ExitCode.TESTS_FAILED
    again.stdout.fnmatch_lines(["2 in this test run*FAILED"])
