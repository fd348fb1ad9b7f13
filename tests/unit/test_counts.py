"""When two counts can be of the same requests, and when not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.verdict.counts import Counts, disagreement


@given(st.integers(0, 10**6), st.integers(0, 1000), st.data())
def test_what_a_server_can_have_seen_agrees(good: int, failed: int, data: st.DataObject) -> None:
    seen = good + data.draw(st.integers(0, failed))
    assert disagreement(Counts().plus(good + failed, failed, seen)) is None


@pytest.mark.parametrize(
    ("served", "says"),
    [
        (9_699, "clients counted 10000 requests, 50 of them failed, the server 9699: answers came from elsewhere"),
        (10_251, "the server 10251: somebody else was loading it, or requests were sent again unseen"),
    ],
)
def test_what_it_cannot_have_seen_is_said_with_both_counts(served: int, says: str) -> None:
    why = disagreement(Counts().plus(4_000, 50, 0).plus(6_000, 0, served))
    assert why is not None
    assert says in why
