"""Rows survive their files, and a kill costs at most the last one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floodmark.errors import UsageError
from floodmark.results.schema import Result, Second, columns, from_cells, to_cells
from floodmark.results.table import Appender, WriteError, read_table, write_table, write_text
from floodmark.verdict.enums import Generator, Phase
from floodmark.verdict.visit import Visit

METHOD_COLUMNS = [
    "run_id",
    "visit",
    "phase",
    "t_start_s",
    "t_end_s",
    "model",
    "users",
    "rate_intended_rps",
    "rate_sent_rps",
    "not_sent",
    "good",
    "errors",
    "error_refused",
    "error_timeout",
    "error_reset",
    "error_http",
    "error_body",
    "goodput_rps",
    "goodput_lo",
    "goodput_hi",
    "inflight_mean",
    "r_mean_ms",
    "r_p50_ms",
    "r_p90_ms",
    "r_p95_ms",
    "r_p99_ms",
    "r_max_ms",
    "connections_opened",
    "efficiency",
    "little_gap",
    "law_gap",
    "server_count_gap",
    "steady",
    "gen_cpu_max",
    "loop_lag_p99_ms",
    "sched_lag_p99_ms",
    "gen_verdict",
    "app_ms_mean",
    "app_inflight_mean",
    "app_inflight_max",
    "cpu_cores",
    "cpu_proc_max",
    "cpu_ms_per_request",
    "throttled_share",
    "pss_bytes",
    "listen_queue_max",
    "listen_limit",
    "listen_overflows",
    "psi_cpu",
    "psi_mem",
    "steal",
    "valid",
    "reason",
]

BOTTLENECK_COLUMNS = [
    "waiting_in_server",
    "waiting_in_kernel",
    "app_processes",
    "app_proc_inflight_max",
    "app_proc_inflight_min",
    "app_requests_lost",
    "connections",
    "listen_drops",
    "syn_retransmits",
    "threads",
    "cpu_limit_cores",
    "neighbour_cores",
    "runq_cores",
    "switches_per_s",
    "major_faults_per_s",
    "memory_bytes",
    "memory_limit_bytes",
    "oom_kills",
    "own_cores",
]

RATE_COLUMNS = ["counted_rps", "think_s", "error_ms_mean", "pace"]

RESULT_COLUMNS = [
    *("run_id", "metric", "value", "lo", "hi", "unit", "level", "method", "n_visits", "valid", "reason"),
    *("lo_run", "hi_run"),
]


def test_columns_are_the_contract() -> None:
    later = ["slo_ms", "slo_misses", "gen_demand_max", *BOTTLENECK_COLUMNS, *RATE_COLUMNS]
    assert columns(Visit) == [*METHOD_COLUMNS, *later]
    assert columns(Result) == RESULT_COLUMNS


numbers = st.floats(min_value=0, max_value=1e9).map(lambda x: float(format(x, ".9g")))
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
visits = st.builds(
    Visit,
    run_id=st.none() | st.just("run-1"),
    number=st.integers(1, 99),
    phase=st.sampled_from(Phase),
    t_start_s=numbers,
    t_end_s=numbers,
    users=st.integers(1, 9999),
    good=st.integers(0, 10**6),
    goodput_rps=numbers,
    r_mean_ms=st.none() | numbers,
    steady=st.none() | st.booleans(),
    gen_verdict=st.none() | st.sampled_from(Generator),
    valid=st.booleans(),
    reason=texts,
)


@given(visits)
def test_a_step_survives_its_cells(visit: Visit) -> None:
    cells = dict(zip(columns(Visit), to_cells(visit), strict=True))
    assert from_cells(Visit, cells, "here") == visit


@given(st.builds(Result, metric=st.just("x"), value=st.none() | numbers | st.sampled_from(["ok", "none_to_32"])))
def test_a_result_s_value_is_a_number_or_a_word(result: Result) -> None:
    cells = dict(zip(columns(Result), to_cells(result), strict=True))
    assert from_cells(Result, cells, "here") == result


def test_not_measured_is_empty_and_never_zero() -> None:
    visit = Visit(number=1, phase=Phase.HOLD, t_start_s=0, t_end_s=5, users=1)
    cells = dict(zip(columns(Visit), to_cells(visit), strict=True))
    assert cells["r_p99_ms"] == ""
    assert cells["cpu_cores"] == ""
    assert cells["good"] == "0"


def row(number: int) -> Second:
    return Second(run_id="r", t_s=number, time="2026-01-01T00:00:00+00:00", users=3, good=number)


def test_a_row_cut_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    with Appender(path, Second) as table:
        table.add(row(1), row(2))
    with path.open("a") as file:
        file.write("r,3,2026-01")
    assert read_table(path, Second) == [row(1), row(2)]


def test_a_column_that_came_later_is_empty_in_older_files(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    path.write_text("visit,phase,t_start_s,t_end_s,users\n1,hold,0,5,8\n")
    assert read_table(path, Visit) == [Visit(number=1, phase=Phase.HOLD, t_start_s=0, t_end_s=5, users=8)]


def test_appending_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    for number in (1, 2):
        with Appender(path, Second) as table:
            table.add(row(number))
    assert read_table(path, Second) == [row(1), row(2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t_s,users\n1,2\n", "no column time"),
        (",".join(columns(Second)) + "\nr,one,x" + "," * (len(columns(Second)) - 3) + "\n", "t_s = 'one'"),
    ],
)
def test_a_foreign_file_is_refused_by_name_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "timeline.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_table(path, Second)
    assert message in str(caught.value)
    assert "timeline.csv:2" in str(caught.value)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    write_table(path, Second, [row(1)])
    before = path.read_bytes()

    def rows() -> list[Second]:
        raise OSError(28, "No space left on device")

    with pytest.raises(WriteError, match="No space left"):
        write_table(path, Second, (r for _ in [0] for r in rows()))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.csv"]


def test_a_missing_folder_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="cannot write"):
        write_text(tmp_path / "none" / "x", "text")
    with pytest.raises(WriteError, match="cannot write"):
        Appender(tmp_path / "none" / "x.csv", Second)


def test_a_full_disk_is_one_error() -> None:
    with pytest.raises(WriteError, match="No space left"):
        Appender(Path("/dev/full"), Second)
