"""What the limit is made of, as the summary and the table say it."""

from __future__ import annotations

import pytest

from floodmark.report.terminal import BAD, GOOD, WARN, limit_lines
from floodmark.results.metrics import advice_rows
from floodmark.results.record import AdviceRecord
from floodmark.results.schema import Result
from floodmark.verdict.enums import Advice

SLOTS = {
    "bottleneck": Result(metric="bottleneck", value="slots", reason="8.0 of 8 slots busy: more threads"),
    "bottleneck_margin": Result(metric="bottleneck_margin", value=0.11),
}


def advice(word: str) -> dict[str, Result]:
    tried = AdviceRecord(
        word=Advice(word),
        change="threads 4 -> 8",
        note="threads 4 -> 8 gave 158.0/s instead of 79.0/s",
        goodput_rps=158.0,
        goodput_lo=150.0,
        goodput_hi=160.0,
    )
    rows = advice_rows("run", tried)
    return {row.metric: row for row in rows}


def test_the_word_its_margin_and_its_evidence() -> None:
    assert limit_lines(SLOTS) == [
        (GOOD, "limit", "slots: workers and threads (margin 11%): 8.0 of 8 slots busy: more threads")
    ]


def test_unknown_is_said_with_its_reason() -> None:
    reason = "no rule fits; nearest is cpu: cpu_share is 0.855, and would have to be at least 0.9; users 8, slots 4"
    unknown = {"bottleneck": Result(metric="bottleneck", value="unknown", valid=False, reason=reason)}
    assert limit_lines(unknown) == [(WARN, "limit", f"unknown: {reason.removesuffix('; users 8, slots 4')}")]
    bare = {"bottleneck": Result(metric="bottleneck", value="unknown", valid=False, reason="no visit to judge")}
    assert limit_lines(bare) == [(WARN, "limit", "unknown: no visit to judge")]
    assert limit_lines({}) == []


@pytest.mark.parametrize(
    ("word", "mark", "said"),
    [("confirmed", GOOD, "confirmed: "), ("not_confirmed", BAD, "not confirmed: "), ("not_tried", WARN, "")],
)
def test_what_came_of_the_advice(word: str, mark: str, said: str) -> None:
    rows = advice(word)
    assert rows["advice_rps"].value == 158.0
    (_, line) = limit_lines({**SLOTS, **rows})
    assert line == (mark, "advice", f"{said}threads 4 -> 8 gave 158.0/s instead of 79.0/s")
    assert advice_rows("run", None) == []
