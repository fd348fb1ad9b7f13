from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_apps.formula import FormulaError, evaluate

VALUES: dict[str, int | str] = {"workers": 2, "threads": 4, "mode": "text"}


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("workers", 2),
        ("workers * threads", 8),
        ("threads - 2", 2),
        ("max(workers, threads) + 1", 5),
        ("min(threads, 3) * 2", 6),
        ("(workers + threads) // 4", 1),
    ],
)
def test_arithmetic_over_settings(formula: str, result: int) -> None:
    assert evaluate(formula, VALUES) == result


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        ("workers *", "not a formula"),
        ("processes", "uses 'processes'; numeric settings are: threads, workers"),
        ("mode", "uses 'mode'"),
        ("workers / threads", "only integers"),
        ("__import__('os')", "only integers"),
        ("workers // (threads - 4)", "divides by zero"),
        ("max()", "only integers"),
        ("workers.real", "only integers"),
    ],
)
def test_anything_else_is_refused(formula: str, part: str) -> None:
    with pytest.raises(FormulaError) as caught:
        evaluate(formula, VALUES)
    assert part in str(caught.value)


@given(st.text(max_size=30))
def test_no_text_does_more_than_fail(formula: str) -> None:
    with contextlib.suppress(FormulaError):
        evaluate(formula, VALUES)
