"""Ratios with intervals, ties, and the words that come of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from floodmark.verdict.difference import Ratio, Value, Word, decide, rank, ratio


def values(*numbers: float) -> list[Value]:
    return [Value(value=number, half_width=0.01, round=i) for i, number in enumerate(numbers, 1)]


def word(found: Ratio, *, less: bool = False) -> Word:
    return decide([found], less_is_better=[less])[0].word


def test_one_run_beside_itself_is_a_tie() -> None:
    found = ratio(values(100), values(100))
    assert (found.ratio, found.word) == (1.0, Word.TIE)
    assert found.lo is not None
    assert found.hi is not None
    assert found.lo < 1 < found.hi


def test_a_tenth_less_is_worse_and_for_a_latency_better() -> None:
    found = ratio(values(100, 101, 99), values(90, 91, 89))
    assert found.ratio == pytest.approx(0.9, abs=0.002)
    assert word(found) is Word.WORSE
    assert word(found, less=True) is Word.BETTER


def test_a_sure_but_small_difference_is_a_tie() -> None:
    found = ratio(values(*[100.0] * 20), values(*[98.0] * 20))
    assert found.hi is not None
    assert found.hi < 1
    assert word(found) is Word.TIE


def test_noise_carries_no_verdict() -> None:
    found = ratio(values(100, 140, 70), values(80, 120, 95))
    assert found.word is Word.CANNOT_TELL
    assert "wider than 10%" in found.reason


@pytest.mark.parametrize(("a", "b", "who"), [((), (1.0,), "A"), ((1.0,), (), "B"), ((), (), "either")])
def test_nothing_valid_carries_no_verdict(a: tuple[float, ...], b: tuple[float, ...], who: str) -> None:
    found = ratio(values(*a), values(*b))
    assert found.ratio is None
    assert found.word is Word.CANNOT_TELL
    assert found.reason == f"no valid result of {who}"


def test_pairs_take_the_machine_of_a_round_out() -> None:
    machine = [1.0, 1.3, 0.8, 1.1]
    a, b = values(*[100 * m for m in machine]), values(*[90 * m for m in machine])
    assert word(ratio(a, b)) is not Word.WORSE
    assert word(ratio(a, b, paired=True)) is Word.WORSE


def test_what_the_reference_did_is_taken_off() -> None:
    shift = ratio(values(100, 100, 100), values(80, 80, 80))
    found = ratio(values(50, 50, 50), values(40, 40, 40), shift=shift)
    assert found.ratio == pytest.approx(1.0)
    assert found.word is Word.TIE


def test_many_rows_need_more_evidence_each() -> None:
    one = ratio(values(100, 101, 99), values(96.2, 97.2, 95.2))
    assert word(one) is Word.WORSE
    crowd = [one, *[ratio(values(100, 101, 99), values(100, 101, 99))] * 40]
    assert decide(crowd, less_is_better=[False] * 41)[0].word is Word.TIE


def test_intervals_cover_the_truth() -> None:
    random = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        a, b = (values(*np.exp(0.012 * random.standard_normal(3) + level)) for level in (0.0, 0.1))
        found = ratio(a, b)
        assert found.lo is not None
        assert found.hi is not None
        hits += found.lo <= math.exp(0.1) <= found.hi
    assert 0.93 <= hits / 400 <= 0.995


def test_ranks_tie_what_cannot_be_told_apart() -> None:
    sides = [values(90, 91, 89), values(100, 101, 99), values(99.5, 100.5, 98.5), []]
    assert rank(["slow", "fast", "fast-too", "void"], sides) == [(1, "fast"), (1, "fast-too"), (3, "slow")]
