"""What twice the generators do to a verdict."""

from __future__ import annotations

import pytest

from floodmark.run.doubling import Doubled, double
from floodmark.verdict.enums import End
from floodmark.verdict.outcome import Outcome, judge_doubling
from tests.support.visits import visit

FOUND = Outcome(end=End.FOUND, reason="", hold_users=16)
HOLD = [158.0, 160.0, 159.0]
VISITS = [visit(users=16, rate=rate, number=number) for number, rate in enumerate(HOLD)]


def judged(doubled: Doubled, outcome: Outcome = FOUND) -> Outcome:
    return judge_doubling(
        outcome, VISITS, doubled_rps=doubled.doubled_rps, beside_rps=doubled.beside_rps, how=doubled.doubled
    )


@pytest.mark.parametrize(
    ("rate", "end"), [(160.0, End.FOUND), (164.0, End.FOUND), (170.0, End.GENERATOR_LIMITED), (None, End.FOUND)]
)
def test_more_goodput_with_more_generators_means_that_they_were_the_limit(rate: float | None, end: End) -> None:
    found = judged(Doubled(doubled_rps=rate, doubled="2 generator processes"))
    assert found.end is end
    assert ("170.0" in found.reason) is (end is End.GENERATOR_LIMITED)


def test_what_was_not_found_stays_so() -> None:
    lost = Outcome(end=End.TIMED_OUT, reason="late")
    assert judged(Doubled(doubled_rps=999.0, doubled=""), lost) is lost


def doubled(*rates: float | None) -> tuple[Doubled, list[int]]:
    """What is made of these visits, and with how many processes each was."""
    asked: list[int] = []

    def goodput_of(processes: int) -> float | None:
        asked.append(processes)
        return rates[len(asked) - 1]

    return double(goodput_of, 16, HOLD, generators=1, cpus=2), asked


def test_twice_the_generators_that_give_no_more_are_not_asked_again() -> None:
    found, asked = doubled(161.0)
    assert (found.doubled_rps, asked) == (161.0, [2])
    assert judged(found).end is End.FOUND


def test_a_host_that_is_faster_by_now_is_no_generator_that_was_the_limit() -> None:
    found, asked = doubled(200.0, 199.0, 201.0)
    assert asked == [2, 1, 2]
    assert judged(found).end is End.FOUND
    slower_again, _ = doubled(200.0, 158.0, 160.0)
    assert judged(slower_again).end is End.FOUND


def test_twice_the_generators_that_give_more_both_times_say_that_one_was_the_limit() -> None:
    found, _ = doubled(320.0, 160.0, 310.0)
    limited = judged(found)
    assert limited.end is End.GENERATOR_LIMITED
    assert "310.0 good answers/s instead of 160.0" in limited.reason
    unseen, _ = doubled(320.0, None, None)
    assert judged(unseen).end is End.GENERATOR_LIMITED


def test_it_is_not_tried_where_it_could_say_nothing() -> None:
    assert double(lambda _: 1.0, 16, HOLD, generators=1, cpus=1).doubled_rps is None
    assert double(lambda _: 1.0, 1, HOLD, generators=1, cpus=2).doubled_rps is None
    assert doubled(None)[0].doubled_rps is None
