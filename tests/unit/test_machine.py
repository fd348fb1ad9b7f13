"""What is known of a machine's own pace, and what if nothing is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from floodmark.results.cache import cache_folder
from floodmark.run import machine
from floodmark.run.machine import DEFAULT_SD, FILE, KEPT, host_sd, remember, this_machine
from floodmark.sampling.pace import PaceWitness, fastest_s


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_without_a_history_the_default_holds() -> None:
    known = this_machine()
    assert known.fastest_s > 0
    assert known.usual_s is None
    assert known.host_sd == DEFAULT_SD


def test_runs_are_remembered_and_the_fastest_is_pace_1() -> None:
    for piece_s in (0.0011, 0.0010, 0.0012):
        remember(0.9 * piece_s, piece_s)
    known = this_machine()
    assert known.fastest_s == pytest.approx(0.0009)
    assert known.usual_s == 0.0011
    assert known.host_sd > DEFAULT_SD


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', '{"x": {"fastest_s": "fast"}}', "\x00\xff"])
def test_a_history_that_cannot_be_read_counts_as_none(content: str) -> None:
    cache_folder().mkdir(parents=True)
    (cache_folder() / FILE).write_text(content, encoding="latin-1")
    assert this_machine().host_sd == DEFAULT_SD
    remember(0.001, 0.001)
    assert this_machine().usual_s == 0.001


def test_a_history_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    remember(0.001, 0.001)
    assert this_machine().usual_s is None


def test_the_history_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "KEPT", 3)
    for _ in range(5):
        remember(0.001, 0.001)
    assert len(this_machine().runs) == 3 < KEPT


def test_few_runs_hardly_move_the_spread_and_many_replace_the_default() -> None:
    steady, restless = [0.001] * 200, [0.001, 0.0015] * 100
    assert host_sd([0.001]) == DEFAULT_SD
    assert host_sd(steady) < 0.005
    assert host_sd(restless) == pytest.approx(0.2, abs=0.03)
    assert DEFAULT_SD / 2 < host_sd([0.001, 0.00101, 0.00099]) < 2 * DEFAULT_SD


def test_a_witness_without_cpus_says_why_and_knows_nothing() -> None:
    witness = PaceWitness(())
    witness.start()
    witness.stop()
    assert witness.missing
    assert (witness.fastest_s, witness.mean_s, witness.pace(0, 1e12, 0.001)) == (None, None, None)


def test_a_witness_that_may_not_pin_itself_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, cpus: Sequence[int]) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", refused)
    monkeypatch.setattr("floodmark.sampling.pace.EVERY_S", 0.001)
    witness = PaceWitness([0])
    witness.start()
    witness._thread.join(5)
    assert "no permission" in witness.missing
    assert witness.pace(0, 1e12, 0.001) is None


def test_the_fastest_piece_is_one_that_one_in_ten_beats() -> None:
    assert fastest_s([0.002] * 9 + [0.001] + [0.002] * 10) == 0.002
    assert fastest_s([0.001, 0.001, *[0.002] * 8]) == 0.001
    assert fastest_s([]) is None
