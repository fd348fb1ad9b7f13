"""When goodput beyond the held level is a rise."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from floodmark.search.hold import Hold
from floodmark.search.settings import SearchSettings
from floodmark.search.state import SearchState
from floodmark.search.verify import verify
from tests.support.visits import visit


def verified(held: Sequence[float], seen: Sequence[float], half_width: float) -> int | None:
    """What verify returns of a level held with these rates, when it then sees those: beyond, between, beyond."""
    state = SearchState(SearchSettings(), r0_s=0.2, ceiling_rps=sorted(held)[len(held) // 2])
    search = verify(state, Hold(8, think=True, made=[visit(rate=rate, half_width=half_width) for rate in held]))
    next(search)
    try:
        for rate in seen:
            search.send(visit(rate=rate, half_width=half_width))
    except StopIteration as stop:
        level: int | None = stop.value
        return level
    raise AssertionError("it wanted to see more")


@pytest.mark.parametrize(
    ("held", "seen", "half_width", "rises"),
    [
        pytest.param(
            [17.0, 17.1, 16.9], [19.4, 17.0, 19.5], 0.1, True, id="slow and even: windows tell less than visits"
        ),
        pytest.param([157, 150, 163, 155], [167, 158, 168], 0.04, False, id="visits differ by as much"),
        pytest.param([157, 156, 158, 157], [171, 157, 172], 0.01, True, id="visits agree"),
        pytest.param([157, 156, 158, 157], [171, 171, 172], 0.01, False, id="the host got faster"),
        pytest.param([157, 156, 158, 157], [160], 0.01, False, id="within 5 %"),
    ],
)
def test_a_rise(held: Sequence[float], seen: Sequence[float], half_width: float, rises: bool) -> None:
    assert (verified(held, seen, half_width) is not None) is rises
