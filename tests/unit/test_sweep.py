"""Sweeps: the grid, what is judged better, and how it is said. No server, no clock."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from floodmark.cli import parser
from floodmark.errors import NoVerdict, OutOfMemory, TargetError, UsageError
from floodmark.results.folder import RunFolder, create
from floodmark.results.record import (
    Budget,
    Cores,
    MemoryRecord,
    RunRecord,
    ScenarioRecord,
    SearchRecord,
    Status,
    TargetRecord,
)
from floodmark.results.schema import RESULTS, BucketCount, Result
from floodmark.results.table import read_table, write_table
from floodmark.stats.histogram import bucket, edges
from floodmark.stats.intervals import Interval
from floodmark.sweep.best import Trial, better, judge
from floodmark.sweep.grid import Axis, Kind, axis, collect, default_axes, number, shuffled, span
from floodmark.sweep.row import MIB, SWEEP, PointVerdict, SweepRow, alone_hi, sweep_row
from floodmark.sweep.sentences import sentences
from floodmark.sweep.series import Sweep
from floodmark.sweep.show import document
from floodmark.verdict.difference import LEAST_EFFECT
from floodmark.verdict.enums import End, Generator, Phase
from target_apps import catalog
from tests.support.visits import visit

WORKERS = Axis("server.workers", ("1", "2", "4"))
THREADS = Axis("server.threads", ("1", "4"))
CPUS = Axis("budget.cpus", ("1", "2"))


def trial(value: float | None, width: float = 0.01, alone: float = 1.0, **choices: str) -> Trial:
    keys = {"workers": "server.workers", "threads": "server.threads", "cpus": "budget.cpus", "workload": "workload"}
    found = None if value is None else Interval(value, value * (1 - width), value * (1 + width))
    workers, threads = float(choices.get("workers", "1")), float(choices.get("threads", "1"))
    return Trial(
        choices={keys[name]: text for name, text in choices.items()},
        ceiling=found,
        alone_hi=0.0 if found is None else found.hi * alone,
        cost=(workers * threads, workers),
    )


def test_axes_span_every_combination_once_and_order_is_seeded() -> None:
    points = span([WORKERS, THREADS])
    assert [p.label for p in points][:3] == ["workers=1 threads=1", "workers=1 threads=4", "workers=2 threads=1"]
    assert points[0].overrides == ["server.workers=1", "server.threads=1"]
    mixed = shuffled(points, 7)
    assert mixed == shuffled(points, 7)
    assert mixed != points
    assert set(mixed) == set(points)
    assert [p.label for p in span([])] == [""]


def test_kinds_and_names_of_axes() -> None:
    assert (CPUS.kind, CPUS.name) == (Kind.BUDGET, "cpus")
    assert (Axis("server.connections", ("1",)).kind, Axis("server.connections", ("1",)).name) == (
        Kind.SETTING,
        "connections",
    )
    assert Axis("load.connections", ("new",)).name == "load.connections"
    assert Axis("workload", ("io", "cpu")).kind is Kind.CONDITION


@pytest.mark.parametrize("text", ["1,,2", "", "1,1", ","])
def test_values_that_make_no_axis_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--workers"):
        axis("server.workers", text, "--workers")


def test_one_value_is_fixed_and_a_key_may_stand_once() -> None:
    axes, fixed = collect([WORKERS, axis("server.threads", "4", "--threads")])
    assert axes == [WORKERS]
    assert fixed == ["server.threads=4"]
    with pytest.raises(UsageError, match=r"server\.workers is given twice"):
        collect([WORKERS, WORKERS])


@pytest.mark.parametrize(
    ("server", "keys"),
    [
        ("gunicorn-gthread", ["server.workers", "server.threads"]),
        ("uwsgi", ["server.workers", "server.threads"]),
        ("gunicorn-sync", ["server.workers"]),  # its threads would make it another server
        ("gunicorn-gevent", ["server.workers"]),
        ("waitress", ["server.threads"]),
        ("flask-processes", ["server.processes"]),
    ],
)
def test_a_server_that_says_nothing_else_varies_what_its_slots_are_made_of(server: str, keys: list[str]) -> None:
    assert [one.key for one in default_axes(catalog.load(server))] == keys


def test_a_server_without_such_settings_says_what_could_be_swept() -> None:
    with pytest.raises(UsageError, match="say what to sweep"):
        default_axes(catalog.load("flask-threaded"))


@pytest.mark.parametrize(
    ("text", "value"), [("4", 4), ("0.5", 0.5), ("128m", 128 * MIB), ("1GB", 1024**3), ("io", None)]
)
def test_values_as_numbers(text: str, value: float | None) -> None:
    assert number(text) == value


@given(
    st.floats(1, 1e4), st.floats(1, 1e4), st.floats(0.001, 0.5), st.floats(0.001, 0.5), st.booleans(), st.floats(1, 1.5)
)
def test_a_difference_is_called_one_way_only_and_never_below_three_per_cent(
    a: float, b: float, wa: float, wb: float, same: bool, alone: float
) -> None:
    one, other = trial(a, wa, alone), trial(b, wb, alone)
    assert not (better(one, other, same_budget=same) and better(other, one, same_budget=same))
    if better(one, other, same_budget=same):
        assert a >= b * (1 + LEAST_EFFECT)
        # What overlaps that much is never told apart.
        assert a * (1 + wa) > b
        assert not (a * (1 - wa) <= b <= a * (1 + wa) and b * (1 - wb) <= a <= b * (1 + wb))
    assert not better(one, one, same_budget=same)


def test_what_a_shared_ceiling_might_have_been_counts_between_budgets_only() -> None:
    shared, more = trial(100, 0.01, alone=1.2), trial(115, 0.01)
    assert better(more, shared, same_budget=True)
    assert not better(more, shared, same_budget=False)
    assert better(trial(130), shared, same_budget=False)


def test_a_setting_without_a_number_may_be_better_unless_it_failed() -> None:
    unknown = replace(trial(None, workers="2", threads="1"), open=True)
    failed = trial(None, workers="4", threads="1")
    judgement = judge([trial(100, workers="1", threads="1"), unknown, failed], [WORKERS, THREADS])
    (choice,) = judgement.choices
    assert choice.open == (unknown,)
    (said, *_) = sentences([], judgement, [WORKERS, THREADS])
    assert said.startswith("best of those with a number is workers=1 threads=1")
    assert said.endswith("It is not known whether workers=2 threads=1 would be better.")


def test_the_cheapest_of_those_that_tie_is_recommended() -> None:
    trials = [
        trial(100, workers="1", threads="1"),
        trial(198, workers="2", threads="1"),
        trial(200, workers="2", threads="4"),
        trial(203, workers="4", threads="1"),
        trial(190, workers="4", threads="4"),
        trial(None, workers="1", threads="4"),
    ]
    (choice,) = judge(trials, [WORKERS, THREADS]).choices
    assert choice.best is trials[3]
    assert choice.recommended is trials[1]
    assert set(map(id, choice.ties)) == {id(trials[1]), id(trials[2])}


def test_every_budget_and_load_has_its_own_best() -> None:
    load = Axis("workload", ("io", "cpu"))
    trials = [
        trial(100, workers="1", cpus="1", workload="io"),
        trial(200, workers="2", cpus="1", workload="io"),
        trial(50, workers="1", cpus="1", workload="cpu"),
        trial(50, workers="2", cpus="1", workload="cpu"),
        trial(99, workers="2", cpus="2", workload="cpu"),
    ]
    judgement = judge(trials, [WORKERS, CPUS, load])
    said = {tuple(c.given.values()): c.recommended.choices["server.workers"] for c in judgement.choices}
    assert said == {("1", "io"): "2", ("1", "cpu"): "1", ("2", "cpu"): "2"}


def lines(trials: list[Trial], along: Axis, *others: Axis) -> Mapping[tuple[str, ...], tuple[str | None, str | None]]:
    judgement = judge(trials, [along, *others])
    return {tuple(line.given.values()): (line.enough, line.worse) for line in judgement.lines if line.axis == along}


def test_where_more_stops_helping() -> None:
    rising = [trial(v, workers=w) for w, v in {"1": 100, "2": 200, "4": 400}.items()]
    assert lines(rising, WORKERS) == {(): (None, None)}
    flat = [trial(v, workers=w) for w, v in {"1": 100, "2": 101, "4": 99}.items()]
    assert lines(flat, WORKERS) == {(): ("1", None)}
    capped = [trial(v, workers=w) for w, v in {"1": 100, "2": 200, "4": 201}.items()]
    assert lines(capped, WORKERS) == {(): ("2", None)}
    falling = [trial(v, workers=w) for w, v in {"1": 100, "2": 200, "4": 150}.items()]
    assert lines(falling, WORKERS) == {(): ("2", "4")}
    # Each step is too small to be called, both together are not.
    creeping = [trial(v, 0.02, workers=w) for w, v in {"1": 100, "2": 103.5, "4": 107}.items()]
    assert lines(creeping, WORKERS) == {(): ("2", None)}


def test_each_line_has_the_others_fixed() -> None:
    trials = [trial(100 * min(int(w), int(c)), workers=w, cpus=c) for w in WORKERS.values for c in CPUS.values]
    assert lines(trials, WORKERS, CPUS) == {("1",): ("1", None), ("2",): ("2", None)}
    assert lines(trials, CPUS, WORKERS) == {("1",): ("1", None), ("2",): (None, None), ("4",): (None, None)}


def test_a_missing_point_is_left_out_of_its_line() -> None:
    trials = [trial(100, workers="1"), trial(None, workers="2"), trial(200, workers="4")]
    (line,) = judge(trials, [WORKERS]).lines
    assert line.tried == ("1", "4")
    assert judge([trial(100, workers="1"), trial(None, workers="2")], [WORKERS]).lines == ()


@given(st.permutations(list(range(6))), st.lists(st.floats(10, 1000), min_size=6, max_size=6))
def test_the_order_of_the_runs_changes_nothing(order: list[int], values: list[float]) -> None:
    trials = [
        trial(values[i], workers=w, threads=t)
        for i, (w, t) in enumerate((w, t) for w in WORKERS.values for t in THREADS.values)
    ]
    straight, mixed = judge(trials, [WORKERS, THREADS]), judge([trials[i] for i in order], [WORKERS, THREADS])
    assert straight.choices[0].recommended.ceiling == mixed.choices[0].recommended.ceiling
    assert {(line.axis, tuple(line.given.items()), line.enough) for line in straight.lines} == {
        (line.axis, tuple(line.given.items()), line.enough) for line in mixed.lines
    }


def test_the_generators_share_of_the_cpus_bounds_what_the_target_could_have_had() -> None:
    assert alone_hi(100.0, 1.8, 0.1, 2) == pytest.approx(100 * 1.9 / 1.8)
    assert alone_hi(100.0, 1.8, 0.5, 2) == pytest.approx(100 * 2.0 / 1.8)
    assert alone_hi(100.0, None, 0.5, 2) == 100.0
    assert alone_hi(None, 1.0, 0.1, 2) is None


def made(folder: RunFolder, *, enforced: bool = False, end: str = "found", valid: bool = True) -> Path:
    """A stored run of gthread with a knee at 8."""
    record = RunRecord(
        run_id=folder.run_id,
        status=Status.COMPLETE,
        started="2026-11-20T10:15:00.000+00:00",
        backend="process",
        scenario=ScenarioRecord(name="gthread", workload="cpu", budget=Budget(cpus=2, memory=100 * MIB)),
        target=TargetRecord(server="gunicorn-gthread", declared={"workers": 2, "threads": 4}, nominal_slots=8),
        cores=Cores(target=(0, 1), generator=(0, 1), shared_cores=1),
        memory=MemoryRecord(budget_bytes=100 * MIB, enforced=enforced),
        search=SearchRecord(end=End(end), hold_users=16),
    )
    folder.write_record(record)
    visits = [
        (Phase.WARM, 16, 8),
        (Phase.BRACKET, 4, 8),
        (Phase.BRACKET, 9, 8),
        (Phase.HOLD, 16, 8),
        (Phase.HOLD, 16, 8),
    ]
    for place, (phase, users, seconds) in enumerate(visits, 1):
        cells = {"cpu_cores": 1.8, "gen_cpu_max": 0.1, "pss_bytes": (100 + place) * MIB}
        folder.visits.add(visit(phase, users, 100.0, number=place, seconds=float(seconds), **cells))
        low, high = edges(bucket(users * 5.0))
        count = 150 if users != 9 else 250
        folder.histograms.add(BucketCount(visit=place, kind="good", bucket_lo_ms=low, bucket_hi_ms=high, count=count))
    bound = None if valid else 90.0
    write_table(
        folder.path / RESULTS,
        Result,
        [
            Result(metric="ceiling_rps", value=100.0, lo=bound or 98.0, hi=102.0 if valid else None, valid=valid),
            Result(metric="knee_inflight", value=8.0),
            Result(metric="knee_users", value=8.0),
            Result(metric="r0_ms", value=80.0),
            Result(metric="generator", value=Generator.SUSPECT),
        ],
    )
    folder.close()
    return folder.path


def test_a_row_is_read_from_the_files_of_its_run(tmp_path: Path) -> None:
    path = made(create(tmp_path, "gthread-cpu"), enforced=True)
    row = sweep_row(3, "workers=2", path, None, generators=1, seconds=61.23)
    assert row.verdict is PointVerdict.CONFIRMED
    assert (row.ceiling_rps, row.ceiling_lo, row.ceiling_hi) == (100, 98, 102)
    assert row.ceiling_alone_hi == pytest.approx(102 * 1.9 / 1.8)
    # The level of 9 users is the nearest to a knee of 8 whose answers carry a p95.
    assert row.p95_users == 9
    assert row.p95_ms == pytest.approx(45, rel=0.011)
    assert (row.cpu_cores, row.gen_cpu_cores, row.pss_peak_bytes) == (1.8, 0.1, 105 * MIB)
    assert (row.order, row.cpus, row.shared_cores, row.generator, row.seconds) == (3, 2, True, "suspect", 61.2)


def test_more_memory_than_the_budget_is_no_recommendation_where_nothing_enforces_it(tmp_path: Path) -> None:
    path = made(create(tmp_path, "gthread-cpu"))
    row = sweep_row(1, "workers=2", path, None, generators=1, seconds=60)
    assert row.verdict is PointVerdict.MEMORY
    assert row.reason == "over budget: PSS 105 MiB of 100 MiB"
    sweep = Sweep(folder=tmp_path, axes=[WORKERS], total=3)
    sweep.add(row, span([WORKERS])[1])
    assert sweep.judgement.choices == ()
    assert sweep.exit_code == 4


def test_nothing_is_chosen_by_a_ceiling_that_is_hardly_known(tmp_path: Path) -> None:
    path = made(create(tmp_path, "gthread-cpu"), enforced=True)
    wide = [
        replace(r, lo=50.0, hi=150.0) if r.metric == "ceiling_rps" else r for r in read_table(path / RESULTS, Result)
    ]
    write_table(path / RESULTS, Result, wide)
    row = sweep_row(1, "workers=2", path, None, generators=1, seconds=60)
    assert row.verdict is PointVerdict.NO_VERDICT
    assert row.reason.startswith("known to ±50% only")
    assert row.ceiling_rps == 100


@pytest.mark.parametrize(
    ("error", "end", "found"),
    [
        (OutOfMemory("out of memory: killed"), "died", PointVerdict.MEMORY),
        (TargetError("did not start"), "died", PointVerdict.TARGET),
        (NoVerdict("the generator"), "generator_limited", PointVerdict.GENERATOR),
        (NoVerdict("too short"), "timed_out", PointVerdict.NO_VERDICT),
        (UsageError("nonsense"), "died", PointVerdict.ERROR),
    ],
)
def test_a_point_that_failed_says_why(tmp_path: Path, error: TargetError, end: str, found: PointVerdict) -> None:
    path = made(create(tmp_path, "gthread-cpu"), end=end, valid=False)
    row = sweep_row(1, "workers=2", path, error, generators=1, seconds=5)
    assert row.verdict is found
    assert row.ceiling_rps is None
    assert str(error) in row.reason


def row(point: str, ceiling: float | None, verdict: PointVerdict = PointVerdict.CONFIRMED, **more: object) -> SweepRow:
    fields: dict[str, object] = {
        "order": 1,
        "point": point,
        "server": "gunicorn-gthread",
        "workload": "cpu",
        "connections": "keepalive",
        "settings": f"{point} connections=1000",
        "cpus": 1,
        "memory_bytes": 512 * MIB,
        "verdict": verdict,
        "ceiling_rps": ceiling,
        "ceiling_lo": ceiling and ceiling * 0.99,
        "ceiling_hi": ceiling and ceiling * 1.01,
        **more,
    }
    return SweepRow(**fields)  # type: ignore[arg-type]


def test_a_sweep_in_words_and_in_its_file(tmp_path: Path) -> None:
    axes = [WORKERS, THREADS]
    sweep = Sweep(folder=tmp_path, axes=axes, total=6)
    rates = {("1", "1"): 100.0, ("1", "4"): 99.0, ("2", "1"): 200.0, ("2", "4"): 201.0, ("4", "1"): 198.0}
    for point in span(axes):
        workers, threads = point.values
        if (workers, threads) in rates:
            found = row(point.label, rates[workers, threads], pss_peak_bytes=(20 + 25 * int(workers)) * MIB)
        else:
            found = row(point.label, None, PointVerdict.MEMORY, reason="out of memory")
        sweep.add(found, point)
    said = sentences(sweep.rows, sweep.judgement, axes)
    assert said[0].startswith("best is workers=2 threads=1, 200.0/s [198.0, 202.0]; ")
    assert "workers=2 threads=4; workers=4 threads=1 are no different (highest: 201.0/s" in said[0]
    assert said[1] == (
        "More workers: a gain up to 2, none beyond with threads=1; still a gain at 2 (the most tried) with threads=4."
    )
    assert said[2] == "More threads: no gain beyond 1, in all 2 lines."
    assert said[3] == "Each further worker takes about 25 MiB."
    assert said[4] == "Without a number to recommend: memory: workers=4 threads=4."
    stored = read_table(tmp_path / SWEEP, SweepRow)
    assert stored == sweep.rows
    assert [r.point for r in stored if r.recommended] == ["workers=2 threads=1"]
    assert [r.tie for r in stored] == [False, False, True, True, True, None]
    document_ = document(sweep)
    assert document_.best[0].recommended.choices == {"server.workers": "2", "server.threads": "1"}
    assert document_.per_worker_bytes == 25 * MIB
    assert len(document_.rows) == 6


def test_only_what_decides_is_said_of_where_more_stops_helping() -> None:
    axes = [WORKERS, THREADS, CPUS]
    trials = [
        trial(100 * min(int(w), int(c)), workers=w, threads=t, cpus=c)
        for w in WORKERS.values
        for t in THREADS.values
        for c in CPUS.values
    ]
    said = sentences([], judge(trials, axes), axes)
    assert said[2:] == [
        "More workers: no gain beyond 1 with cpus=1; a gain up to 2, none beyond with cpus=2.",
        "More threads: no gain beyond 1, in all 6 lines.",
        "More cpus: no gain beyond 1 with workers=1; still a gain at 2 (the most tried) with workers=2, workers=4.",
    ]


def test_a_sweep_without_a_single_number_has_the_first_failures_exit_code(tmp_path: Path) -> None:
    sweep = Sweep(folder=tmp_path, axes=[WORKERS], total=3)
    sweep.exit_codes += [3, 4]
    sweep.add(row("workers=1", None, PointVerdict.MEMORY, reason="out of memory"), span([WORKERS])[0])
    assert sweep.exit_code == 3
    assert sentences(sweep.rows, sweep.judgement, [WORKERS])[0] == "No setting gave a ceiling to recommend."
    sweep.add(row("workers=2", 100.0), span([WORKERS])[1])
    assert sweep.exit_code == 0
    assert not math.isnan(sweep.judgement.choices[0].best.alone_hi)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "there is no scenario 'nothing'"),
        (["gunicorn-gthread", "--workers", "1,x"], "workers = 'x' is not a whole number"),
        (["gunicorn-gthread", "--workers", "1,1"], "contains a value twice"),
        (["gunicorn-gthread", "--set", "server.wrkers=1,2"], "did you mean 'workers'"),
        (["waitress", "--workers", "1,2"], "waitress has no setting 'workers'"),
        (["flask-threaded"], "say what to sweep"),
        (["gunicorn-gthread", "--cpus", "1,4096"], "CPUs are usable here"),
        (["gunicorn-gthread", "--workload", "io,iio"], "did you mean 'io'"),
        (["gunicorn-gthread", "--set", "load.model=open", "--set", "load.rate_rps=10"], "a sweep compares ceilings"),
        (["gunicorn-gthread", "--set", "server.connections=8", "--set", "search.max_users=64"], "holds 16 connections"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_starts(tmp_path: Path, words: list[str], message: str) -> None:
    options = parser().parse_args(["sweep", *words, "--backend", "process", "--results", str(tmp_path)])
    with pytest.raises(UsageError, match=re.escape(message)):
        options.execute(options, Console(stderr=True))
    assert list(tmp_path.iterdir()) == []
