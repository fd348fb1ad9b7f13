"""What plain clients make of bytes and of times."""

from __future__ import annotations

import pytest

from benchmarks.known_answers.overhead import latency_s, per_answer_s, whole

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nslot\n"


def test_an_answer_is_whole_with_its_last_byte() -> None:
    assert [whole(ANSWER[:n]) for n in range(len(ANSWER) + 1)] == [False] * len(ANSWER) + [True]
    assert not whole(b"HTTP/1.1 200 OK\r\n\r\nof unknown length")


def test_a_cycle_is_from_answer_to_answer() -> None:
    assert per_answer_s([10.0, 10.05, 10.1, 10.2]) == pytest.approx(0.2 / 3)
    with pytest.raises(ValueError, match="had 1 answers"):
        per_answer_s([10.0])


def test_a_latency_counts_in_the_window_its_answer_was_there() -> None:
    answers = [(9.0, 10.1), (10.1, 10.2), (10.2, 10.5), (10.9, 11.1)]
    assert latency_s(answers, 1.0, (10.0, 11.0)) == pytest.approx(1.1)
    assert latency_s(answers, 0.5, (10.0, 11.0)) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="no answers"):
        latency_s(answers, 0.5, (12.0, 13.0))
