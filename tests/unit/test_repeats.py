"""Repeats: the interval between freshly started servers, rebuilt from run folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark.results.record import RunRecord, ScenarioRecord, TargetRecord, write_record
from floodmark.results.repeats import STARTS, StartsRow, write_starts
from floodmark.results.schema import RESULTS, Result
from floodmark.results.table import read_table, write_table


def run(root: Path, run_id: str, ceiling: float | None, series: str | None = "s") -> None:
    folder = root / run_id
    folder.mkdir()
    record = RunRecord(
        run_id=run_id,
        started="2026-11-20T10:15:00.000+00:00",
        scenario=ScenarioRecord(name="gthread", workload="io"),
        backend="process",
        target=TargetRecord(server="gunicorn-gthread"),
        series=series,
    )
    write_record(folder, record)
    row = Result(
        metric="ceiling_rps",
        value=ceiling,
        lo=None if ceiling is None else ceiling - 1,
        hi=None if ceiling is None else ceiling + 1,
        unit="requests/s",
        valid=ceiling is not None,
    )
    write_table(folder / RESULTS, Result, [row])


def test_the_interval_is_that_between_starts(tmp_path: Path) -> None:
    for number, ceiling in enumerate([100.0, 101.0, 99.0, 103.0]):
        run(tmp_path, f"r{number}", ceiling)
    (row,) = write_starts(tmp_path)
    assert (row.n_starts, row.n_valid, row.value, row.inside) == (4, 4, 100.5, 2)
    assert row.lo is not None
    assert row.hi is not None
    # t(3) = 3.182, standard error 1.708 / 2, times 1.25 for the median.
    assert row.hi - 100.5 == pytest.approx(100.5 - row.lo) == pytest.approx(3.182 * 0.854 * 1.25, rel=0.01)
    assert read_table(tmp_path / STARTS, StartsRow)[0].run_ids == "r0 r1 r2 r3"


def test_a_run_without_a_number_counts_as_a_start_only(tmp_path: Path) -> None:
    for number, ceiling in enumerate([100.0, None, 102.0]):
        run(tmp_path, f"r{number}", ceiling)
    (row,) = write_starts(tmp_path)
    assert (row.n_starts, row.n_valid, row.value) == (3, 2, 101.0)


def test_no_valid_run_gives_a_row_without_a_number(tmp_path: Path) -> None:
    run(tmp_path, "a", None)
    run(tmp_path, "b", None)
    (row,) = write_starts(tmp_path)
    assert (row.value, row.lo, row.n_valid) == (None, None, 0)


def test_single_runs_and_foreign_folders_make_no_rows(tmp_path: Path) -> None:
    run(tmp_path, "a", 100.0, series=None)
    run(tmp_path, "b", 100.0)
    (tmp_path / "other").mkdir()
    assert write_starts(tmp_path) == []
    assert not (tmp_path / STARTS).exists()
