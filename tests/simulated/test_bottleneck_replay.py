"""Stored visits of real servers, named again with noise added: never as something else, hardly ever as unknown."""

from __future__ import annotations

import dataclasses
import random

import pytest

from benchmarks.bottlenecks.stored import Kept, read_stored
from floodmark.verdict.enums import Bottleneck, Phase
from floodmark.verdict.visit import Visit

REPLAYS = 200
SPREAD = 0.03
"""Relative, of every figure of every visit by itself."""
EXACT = {"visit", "users", "listen_limit", "app_processes", "memory_limit_bytes", "cpu_limit_cores"}
NAMES = [field.name for field in dataclasses.fields(Visit) if field.name not in EXACT]
UNKNOWN_AT_MOST = 0.05

STORED = read_stored()


def noisy(visit: Visit, draw: random.Random) -> Visit:
    changed: dict[str, object] = {}
    for name in NAMES:
        value = getattr(visit, name)
        if not value or type(value) not in {int, float}:
            continue
        noise = max(0.0, draw.gauss(1, SPREAD)) * value
        changed[name] = round(noise) if type(value) is int else noise
    return dataclasses.replace(visit, **changed)  # type: ignore[arg-type]


def replayed(kept: Kept, draw: random.Random) -> list[Visit]:
    """The run with other visits of its held level, drawn from those it had, and noise on all."""
    held = [s for s in kept.visits if s.phase is Phase.HOLD]
    rest = [s for s in kept.visits if s.phase is not Phase.HOLD]
    return [noisy(s, draw) for s in [*rest, *draw.choices(held, k=len(held))]]


def test_every_word_is_stored() -> None:
    assert {kept.word for kept in STORED} == set(Bottleneck) - {Bottleneck.UNKNOWN}


@pytest.mark.parametrize("kept", STORED, ids=lambda kept: kept.id)
def test_as_it_was_stored(kept: Kept) -> None:
    assert kept.name(kept.visits).word is kept.word


@pytest.mark.parametrize("kept", STORED, ids=lambda kept: kept.id)
def test_replays_with_noise(kept: Kept) -> None:
    draw = random.Random(kept.id)
    words = [kept.name(replayed(kept, draw)).word for _ in range(REPLAYS)]
    assert set(words) <= {kept.word, Bottleneck.UNKNOWN}
    assert words.count(Bottleneck.UNKNOWN) <= UNKNOWN_AT_MOST * REPLAYS
