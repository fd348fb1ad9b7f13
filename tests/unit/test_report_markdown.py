"""The verdict table, on made-up runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.report.cells import COLUMNS, significant
from floodmark.report.markdown import escape, interval, provenance, verdict_table
from floodmark.results.schema import Result
from floodmark.verdict.enums import End
from tests.support.runs import made_up


def cells(table: str, row: int = 0) -> dict[str, str]:
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return dict(zip(lines[0], lines[2 + row], strict=True))


def test_a_confirmed_run_is_a_row_with_everything_known() -> None:
    run = made_up()
    row = cells(verdict_table([run]))
    assert row["server"] == "gunicorn-gthread 26.0.0<br>2 workers, 4 threads"
    assert row["ceiling, good/s"].startswith("**160.0**<br>[15")
    assert row["knee, in flight"].startswith("8.00<br>[")
    assert row["slots"] == "8"
    assert row["95 % at"] == "-"  # no level between 8 and 16 users was visited
    assert row["p50 at hold"] == "100 ms<br>at 16 users"
    assert row["overload keeps"] == "87 %<br>at 32 users"
    assert row["generator"] == "ok"


def test_rows_are_in_the_order_of_the_runs_and_take_their_own_results() -> None:
    slow, fast = made_up("slow"), made_up("fast", 20.0)
    table = verdict_table([fast, slow])
    assert cells(table, 0)["ceiling, good/s"].startswith("**3,200**")
    assert cells(table, 1)["ceiling, good/s"].startswith("**160.0**")


@pytest.mark.parametrize("end", [End.MAX_USERS, End.TIMED_OUT, End.GENERATOR_LIMITED])
def test_a_ceiling_that_is_not_confirmed_is_a_bound_with_its_reason(end: End) -> None:
    run = made_up(end=end)
    row = cells(verdict_table([run]))
    assert row["ceiling, good/s"].startswith("at least 15")
    assert row["ceiling, good/s"].endswith(")")
    assert "**" not in row["ceiling, good/s"]
    assert "[search]" not in row["ceiling, good/s"]
    assert row["knee, in flight"] == row["95 % at"] == "-"


def test_a_run_without_any_number_says_why() -> None:
    run = made_up(end=End.ALL_ERRORS)
    row = cells(verdict_table([run]))
    assert row["ceiling, good/s"] == "-<br>(the target answered with errors only)"
    bare = cells(verdict_table([made_up(judged=False)]))
    assert bare["ceiling, good/s"] == "-<br>(not measured)"
    assert bare["generator"] == "-"


def test_slots_without_a_limit_and_slots_that_nobody_knows_are_two_things() -> None:
    free = made_up(target={"nominal_slots": None})
    foreign = made_up(target={"nominal_slots": None, "server": "external", "version": None, "declared": {}})
    assert cells(verdict_table([free]))["slots"] == "no limit"
    row = cells(verdict_table([foreign]))
    assert (row["server"], row["slots"]) == ("external", "-")


def test_the_line_below_says_where_the_numbers_come_from() -> None:
    line = provenance([made_up()]).replace("\n", " ")
    for part in ("2026-11-20", "CPU of 8, 2 CPUs", "CPU 0, generator on CPU 1", "backend process", "Linux 6.1.0"):
        assert part in line
    assert "floodmark 0.1.0 (0123456)" in line


def test_where_runs_differ_the_line_says_both() -> None:
    other = made_up(
        started="2026-11-22T00:00:00.000+00:00",
        backend="compose",
        floodmark={"dirty": True},
        cores={"shared_cores": 1},
    )
    line = provenance([made_up(), other]).replace("\n", " ")
    for part in ("2026-11-20 to 2026-11-22", "process and compose", "and 0.1.0 (0123456, with changes)", "same CPUs"):
        assert part in line


def test_the_host_s_words_cannot_break_the_table() -> None:
    run = made_up(target={"server": "a|b", "version": "<1>\n*2*", "declared": {"workers": 1}})
    assert verdict_table([run]).splitlines()[2].startswith(r"| a\|b \<1\> \*2\*<br>1 worker |")


@given(st.text(max_size=40))
def test_escaped_text_is_one_line_without_a_bare_delimiter(text: str) -> None:
    escaped = escape(text)
    assert len(escaped.splitlines()) <= 1
    assert "|" not in escaped.replace("\\\\", "").replace("\\|", "")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(160.04, 4, "160.0"), (20.031, 4, "20.03"), (3512.4, 4, "3,512"), (0.0501, 2, "0.050"), (0.0, 3, "0")],
)
def test_significant_digits(value: float, digits: int, text: str) -> None:
    assert significant(value, digits) == text


def test_an_interval_is_as_fine_as_its_value() -> None:
    assert interval(Result(metric="x", value=99.96, lo=98.0, hi=101.25), 3) == "100.0 [98.0, 101.2]"
    assert interval(Result(metric="x", value=8.0), 3) == "8.00"
    assert interval(Result(metric="x", value=8.0, lo=7.0, valid=False), 3) == "at least 7.00"
    assert interval(Result(metric="x", valid=False), 3) == "-"


def test_a_row_has_a_cell_for_every_column() -> None:
    table = verdict_table([made_up()]).splitlines()
    assert {line.count(" | ") for line in table} == {len(COLUMNS) - 1}
