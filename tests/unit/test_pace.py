"""What hold visits say at the CPUs' full pace, and when they must not be converted to it."""

from __future__ import annotations

import pytest

from floodmark.run.conductor import _best_so_far
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.pace import at_pace_1
from floodmark.verdict.saturation import judge
from floodmark.verdict.visit import Visit


def holds(rates: list[float], paces: list[float]) -> list[Visit]:
    """Visits to a target whose one core is full, so that goodput should follow the pace."""
    return [
        Visit(
            number=number,
            phase=Phase.HOLD,
            t_start_s=number,
            t_end_s=number + 1,
            users=16,
            good=round(rate),
            goodput_rps=rate,
            goodput_lo=0.99 * rate,
            goodput_hi=1.01 * rate,
            cpu_cores=1.0,
            cpu_proc_max=1.0,
            pace=pace,
        )
        for number, (rate, pace) in enumerate(zip(rates, paces, strict=True))
    ]


@pytest.mark.parametrize(
    ("rates", "followed"),
    [
        ([420.0, 600.0, 780.0], True),  # as the pace
        ([430.0, 590.0, 790.0], True),  # as the pace, apart from noise
        ([600.0, 602.0, 599.0], False),  # even: the witness saw what the target did not
        ([660.0, 600.0, 540.0], False),  # a little the other way round
    ],
)
def test_a_pace_that_goodput_does_not_follow_corrects_nothing(rates: list[float], *, followed: bool) -> None:
    paced = at_pace_1(holds(rates, [0.42, 0.60, 0.78]))
    assert paced is not None
    assert paced.moved
    assert ("did not follow" in paced.objection) is not followed
    if followed:
        assert paced.rates == pytest.approx([1000.0] * 3, rel=0.03)


def test_an_interrupted_search_ends_its_message_with_the_best_answer_or_with_nothing() -> None:
    ended = Outcome(end=End.INTERRUPTED, reason="Ctrl-C", hold_users=16)
    message = _best_so_far(judge(holds([600.0, 602.0, 599.0], [0.6] * 3), ended, 0.0))
    assert message.startswith("; the best answer so far, not confirmed: 600 requests/s [594, 606]")
    assert _best_so_far(judge([], ended, 0.0)) == ""
