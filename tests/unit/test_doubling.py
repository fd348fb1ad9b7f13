"""What twice the generators do to a verdict."""

from __future__ import annotations

import pytest

from floodmark.run.doubling import Doubled, weigh
from floodmark.search.order import Outcome
from floodmark.verdict.words import End

FOUND = Outcome(end=End.FOUND, reason="", hold_users=16)


@pytest.mark.parametrize(
    ("rate", "end"), [(160.0, End.FOUND), (164.0, End.FOUND), (170.0, End.GENERATOR_LIMITED), (None, End.FOUND)]
)
def test_more_goodput_with_more_generators_means_that_they_were_the_limit(rate: float | None, end: End) -> None:
    found = weigh(Doubled(goodput_rps=rate, note="2 generator processes"), FOUND, [158.0, 160.0, 159.0])
    assert found.end is end
    assert ("170.0" in found.reason) is (end is End.GENERATOR_LIMITED)


def test_what_was_not_found_stays_so() -> None:
    lost = Outcome(end=End.TIMED_OUT, reason="late")
    assert weigh(Doubled(goodput_rps=999.0, note=""), lost, [1.0]) is lost
