"""Simulated nights: the rates of docs/nightly.md, on few of them and with fixed seeds."""

from __future__ import annotations

import pytest

from benchmarks.nights.__main__ import ASSUMED, counts
from benchmarks.nights.suite import nights
from benchmarks.nights.world import Noise, World


@pytest.mark.parametrize("seed", [11, 12])
def test_nights_without_a_change_are_quiet(seed: int) -> None:
    counted = counts(ASSUMED, 0.0, 25, seed)
    assert counted["cases"] == 23
    assert counted["regressions"] == 0
    assert counted["twins"] == 23
    assert counted["twins_apart"] == 0


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_tenth_is_confirmed_the_first_night_and_half_of_it_within_a_week(seed: int) -> None:
    assert counts(ASSUMED, 0.10, 14, seed) == {"cases": 1, "first": 1, "week": 1}
    assert counts(ASSUMED, 0.05, 14, seed)["week"] == 1


def test_a_move_to_another_host_is_no_regression() -> None:
    noise = Noise(migration=0.2, migrations=0.2)
    assert not any(night.regressions for night in nights(5, 25, 5, noise, {}))


def test_the_world_is_the_same_for_a_seed() -> None:
    first, second, other = (World(seed=seed).night() for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()
