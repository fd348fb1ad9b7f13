"""Which attempt at a case counts: the host's quiet decides, never what was found."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import pytest

from benchmarks.known_answers import host
from benchmarks.known_answers.host import Pace, Witness, quietest, restless, slowdown
from floodmark.sampling.pressure import CpuTime


@dataclass(frozen=True)
class Row:
    id: str
    attempt: int
    steal: float | None
    found: str = ""
    set_aside: str = ""
    slowdown: float | None = None


def test_the_quietest_attempt_counts_whatever_it_found() -> None:
    rows = [
        Row("K1", 1, 0.05, "inside"),
        Row("K1", 1, 0.05, "inside"),
        Row("K1", 2, 0.03, "outside"),
        Row("K1", 2, 0.03, "outside"),
        Row("K1", 3, 0.04, "inside"),
        Row("K2", 1, 0.0, "inside"),
        Row("K3", 1, None, "not measured"),
        Row("K4", 1, None, "inside"),
        Row("K4", 2, 0.2, "outside"),
    ]
    assert quietest(rows) == [rows[2], rows[3], rows[5], rows[6], rows[8]]


def test_an_attempt_that_was_set_aside_counts_only_where_there_is_no_other() -> None:
    aside, other = Row("K1", 1, 0.01, set_aside="another truth"), Row("K1", 2, 0.05)
    assert quietest([aside, other]) == [other]
    assert quietest([aside]) == [aside]


def test_a_case_is_measured_again_until_the_host_was_quiet() -> None:
    assert restless([], "K1")
    assert restless([Row("K1", 1, 0.021), Row("K2", 1, 0.0)], "K1")
    assert not restless([Row("K1", 1, 0.021), Row("K1", 2, 0.02)], "K1")
    assert not restless([Row("K1", 1, None)], "K1")


def test_a_cpu_that_was_slow_is_not_quiet_where_that_matters() -> None:
    slow, steady = Row("K6", 1, 0.0, slowdown=0.3), Row("K6", 2, 0.01, slowdown=0.06)
    assert restless([slow], "K6")
    assert not restless([slow, steady], "K6")
    assert quietest([slow, steady]) == [steady]
    assert quietest([Row("K1", 1, 0.001), Row("K1", 2, 0.0)]) == [Row("K1", 2, 0.0)]


def test_slowdown_is_the_mean_over_the_fastest_tenth() -> None:
    assert slowdown([0.010] * 30) == pytest.approx(0.0)
    assert slowdown([0.010] * 20 + [0.016] * 20) == pytest.approx(0.3)
    assert slowdown([0.010] * 9) is None


def test_the_pace_of_a_cpu_is_watched_while_the_block_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "PIECE_EVERY_S", 0.001)
    with Pace(min(os.sched_getaffinity(0))) as pace:
        while pace.slowdown() is None:
            time.sleep(0.001)
    assert not pace._thread.is_alive()


def test_the_witness_counts_what_was_taken_of_all_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, now = [1.0], [100.0]
    monkeypatch.setattr(host, "cpu_time", lambda cpus: CpuTime(busy_s=0.0, steal_s=taken[0]))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    witness = Witness()
    taken[0], now[0] = 1.6, 110.0
    assert witness.steal() == pytest.approx(0.03)
    monkeypatch.setattr(host, "cpu_time", lambda cpus: None)
    assert Witness().steal() == 0
