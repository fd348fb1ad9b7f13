"""A generator on the target's own CPUs: what it lacks is the target's, as long as those CPUs are full."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from floodmark.protocol.load_settings import VARIABLE, LoadSettings, read_settings, write_settings
from floodmark.verdict.enums import End, Generator
from floodmark.verdict.generator import GeneratorGauges, judge
from floodmark.verdict.outcome import Outcome, judge_shared_cpus
from floodmark.verdict.saturation import judge as judge_search
from floodmark.verdict.visit import Visit
from tests.support.visits import visit

WAITING = GeneratorGauges(
    cpu_max=0.1, demand_max=0.95, loop_lag_p99_ms=1.0, r0_ms=50.0, little_gap=0.0, law_gap=0.1, cycle_ms=50.0
)
FOUND = Outcome(end=End.FOUND, reason="", hold_users=16)


def test_a_generator_kept_waiting_is_limited_unless_it_shares_the_targets_cpus() -> None:
    assert judge(WAITING)[0] is Generator.LIMITED
    word, why = judge(dataclasses.replace(WAITING, shared=True))
    assert word is Generator.SUSPECT
    assert "waited 85% of the time" in why
    assert "shares with the target" in why


@pytest.mark.parametrize("cpu", [0.7, 0.9])
def test_a_generator_that_is_busy_itself_is_its_own_limit_there_too(cpu: float) -> None:
    gauges = dataclasses.replace(WAITING, shared=True, cpu_max=cpu, demand_max=1.2)
    assert judge(gauges)[0] is Generator.LIMITED


def test_the_load_side_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "load.json"
    monkeypatch.setenv(VARIABLE, str(file))
    for shared in (True, False):
        file.write_bytes(write_settings(LoadSettings(shared=shared)))
        assert read_settings().shared is shared


def judged(holds: list[Visit], outcome: Outcome = FOUND) -> Outcome:
    return judge_shared_cpus(outcome, holds, cpus=2, generators=1)


def hold(target: float | None, *, demand: float | None = 0.95, gap: float = 0.0) -> Visit:
    return visit(
        users=16, rate=100.0, law_gap=gap, cpu_cores=target, gen_cpu_max=0.1, gen_demand_max=demand, gen_verdict=None
    )


def test_full_cpus_are_the_targets_limit_and_idle_ones_are_not() -> None:
    assert judged([hold(1.85)] * 3) == FOUND
    limited = judged([hold(1.0)] * 3)
    assert limited.end is End.GENERATOR_LIMITED
    assert "target and generator used 1.10 of 2" in limited.reason
    late = judged([hold(1.0, demand=0.7, gap=0.1)] * 3)
    assert late.end is End.GENERATOR_LIMITED
    assert "not sampled" in judged([hold(None)] * 3).reason


def test_only_waiting_on_shared_cpus_is_weighed() -> None:
    assert judged([hold(0.1, demand=0.2)] * 3) == FOUND
    assert judged([hold(0.1), hold(0.1, demand=0.1), hold(0.1, demand=0.1)]) == FOUND
    assert judged([]) == FOUND
    ended = dataclasses.replace(FOUND, end=End.TIMED_OUT)
    assert judged([hold(0.1)] * 3, ended) == ended


def test_a_search_that_ended_by_the_generator_says_so_in_its_word() -> None:
    visits = [dataclasses.replace(hold(1.0), gen_verdict=Generator.SUSPECT, goodput_lo=99.0, goodput_hi=101.0)] * 3
    verdict = judge_search(visits, Outcome(end=End.GENERATOR_LIMITED, reason="it waited", hold_users=16), 0.0)
    assert verdict.generator.value is Generator.LIMITED
    assert not verdict.confirmed
    assert verdict.ceiling_rps.hi is None
