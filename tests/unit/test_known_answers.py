"""The truths of the known answers, against figures worked out elsewhere, and how a finding is held against them."""

from __future__ import annotations

import csv
import dataclasses
import math
import random
import statistics
from pathlib import Path

import pytest

from benchmarks.known_answers import formulas, suite, table
from benchmarks.known_answers.apps import Draws, _exponential, _lognormal
from benchmarks.known_answers.bars import AtLeast, AtMost, Covers, LowerBound, NoNumber, Same, Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check, widened
from benchmarks.known_answers.evidence import Evidence, Found
from benchmarks.known_answers.stalls import OPEN_S, PERIOD_S, RATE_RPS, STALL_S, quantile
from floodmark.results.schema import BucketCount
from floodmark.results.table import write_table
from floodmark.stats.histogram import bucket, edges
from testbed.slot_server import stalled_s


def test_slots_and_knee() -> None:
    assert formulas.slots_rate(4, 0.050) == 80
    assert formulas.slots_rate(8, 0.050, 0.0013) == pytest.approx(155.95, abs=0.01)
    assert formulas.knee_users(80, 0.050, 1.0) == pytest.approx(84)
    assert formulas.knee_users(160, 0.050, 1.0) == pytest.approx(168)


def test_machine_repairman_gives_the_figures_of_the_method_page() -> None:
    assert formulas.mmcn_rate(100, 8, 0.050, 1.0) == pytest.approx(95.09, abs=0.005)
    assert formulas.mmcn_rate(168, 8, 0.050, 1.0) == pytest.approx(152.25, abs=0.005)


def test_machine_repairman_without_waiting_and_with_one_server() -> None:
    """c >= N: nobody waits. c = 1: Erlang's loss formula gives 1 - p0 = N-th utilisation."""
    assert formulas.mmcn_rate(5, 8, 0.050, 1.0) == pytest.approx(5 / 1.05)
    ratio, users = 0.3, 6
    weights = [math.factorial(users) / math.factorial(users - n) * ratio**n for n in range(users + 1)]
    assert formulas.mmcn_rate(users, 1, 0.3, 1.0) == pytest.approx((1 - weights[0] / sum(weights)) / 0.3)


def test_machine_repairman_agrees_with_a_simulation() -> None:
    draw, slots, users, service_s, think_s = random.Random(3), 2, 6, 0.1, 0.5
    thinking, inside, now, served = users, 0, 0.0, 0
    while now < 4000:
        up, down = thinking / think_s, min(inside, slots) / service_s
        now += draw.expovariate(up + down)
        if draw.random() * (up + down) < up:
            thinking, inside = thinking - 1, inside + 1
        else:
            thinking, inside, served = thinking + 1, inside - 1, served + 1
    assert served / now == pytest.approx(formulas.mmcn_rate(users, slots, service_s, think_s), rel=0.02)


def test_collapse() -> None:
    assert formulas.collapsing_rate(8) == pytest.approx(160)
    assert formulas.collapsing_rate(9) == pytest.approx(144)
    assert formulas.collapsing_rate(16) == pytest.approx(106.67, abs=0.01)
    assert formulas.collapsing_rate(32) == pytest.approx(91.43, abs=0.01)
    assert formulas.collapsing_rate(100_000) == pytest.approx(80, rel=0.001)
    assert formulas.collapse_users() == 10


def test_overhead_keeps_some_users_outside_the_app() -> None:
    """1 ms of 151 outside: 15.9 inside, s = 148.7 ms, X = 16 / 149.7 ms. Fewer inside slow each other less."""
    assert formulas.collapsing_rate(16, 0.001) == pytest.approx(106.9, abs=0.05)
    assert formulas.collapsing_rate(4, 0.001) == pytest.approx(4 / 0.051)


def test_permits_backlog_and_lock() -> None:
    assert formulas.permits_error_share(12, 6) == 0.5
    assert formulas.permits_error_share(6, 6) == 0
    assert formulas.permits_error_onset(6) == 7
    assert formulas.accepted_without_loss(backlog=8) == 9
    assert formulas.turned_away(backlog=8, workers=1) == 11
    assert formulas.lock_rate(0.010) == 100


def test_stall_quantiles() -> None:
    assert formulas.stall_quantile_s(0.99, 0.010, 0.200, 10) == pytest.approx(0.110)
    assert formulas.stall_quantile_s(0.999, 0.010, 0.200, 10) == pytest.approx(0.200)
    assert formulas.stall_quantile_s(0.5, 0.010, 0.200, 10) == 0.010
    latencies = sorted(0.010 + stalled_s(i / 1000, 0.2, 10) for i in range(10_000))
    assert latencies[9900] == pytest.approx(0.110, abs=0.002)


@pytest.mark.parametrize("q", [0.99, 0.999])
def test_the_stalled_schedule_has_those_quantiles_whenever_it_starts(q: float) -> None:
    arrivals = round(OPEN_S * RATE_RPS)
    expected = formulas.stall_quantile_s(q, 0.010, STALL_S, PERIOD_S)
    for start in range(0, 1000, 23):
        dues = (start / 100 + i / RATE_RPS for i in range(arrivals))
        latencies = sorted(0.010 + stalled_s(due, STALL_S, PERIOD_S) for due in dues)
        assert latencies[math.ceil(q * arrivals) - 1] == pytest.approx(expected, rel=0.015)


@pytest.mark.parametrize(("law", "variation"), [(_exponential, 1.0), (_lognormal, 1.0)])
def test_drawn_service_times_have_the_law_s_mean_and_spread(law: object, variation: float) -> None:
    draws = Draws(law, 0.050)  # type: ignore[arg-type]
    times = [draws() for _ in range(2000)]
    assert statistics.fmean(times) == pytest.approx(0.050)
    assert statistics.pstdev(times) / 0.050 == pytest.approx(variation, rel=0.05)
    assert times[:1000] != times[1000:]


def test_bars() -> None:
    assert Within(0.01).holds(80.0, Found(value=80.7))
    assert not Within(0.01).holds(80.0, Found(value=81.0))
    assert not Within(0.01).holds(80.0, Found(value=80.0, valid=False))
    assert not Within(0.01).holds(80.0, Found(value=None))
    assert Within(0.02, 0.15).holds(4.0, Found(value=4.14))
    assert Within(0.02, 0.15).words() == "2 % or 0.15"
    assert Same().holds("3|4", Found(value="4"))
    assert not Same().holds("3|4", Found(value="0"))
    assert AtMost().holds(80.0, Found(value=79.0))
    assert AtLeast().holds(80.0, Found(value=81.0, valid=False))
    assert not AtLeast().holds(80.0, Found(value=79.0))
    assert not AtLeast().holds(80.0, Found(value=None))
    assert Covers().holds(80.0, Found(value=90.0, lo=79.0, hi=95.0))
    assert not Covers().holds(80.0, Found(value=90.0, lo=79.0))
    assert LowerBound().holds(80.0, Found(value=None, lo=78.0, valid=False))
    assert not LowerBound().holds(80.0, Found(value=None, lo=90.0, valid=False))
    assert not LowerBound().holds(80.0, Found(value=80.0, lo=78.0, hi=82.0))
    assert NoNumber().holds("none", Found(value=None, valid=False))
    assert not NoNumber().holds("none", Found(value=7.0))


def nothing(bench: Bench, case: Case) -> Evidence:
    return Evidence(metrics={})


def case(*checks: Check, name: str = "K1") -> Case:
    return Case(id=name, claim="", about_s=1, measure=nothing, checks=checks)


RATE = Check(metric="rate", truth=lambda _: 80.0, bar=Within(0.01))
WORD = Check(metric="word", truth=lambda _: "gil", bar=Same(), missing="not measured: it has no words yet")


def test_what_is_not_built_is_not_measured_and_what_was_not_found_is_outside() -> None:
    rate, word = table.judge(case(RATE, WORD), Evidence(metrics={}), 1.0)
    assert (rate.verdict, word.verdict) == (table.OUTSIDE, table.NOT_MEASURED)
    assert word.note == "not measured: it has no words yet"
    (row,) = table.judge(case(RATE), Evidence(metrics={"rate": Found(value=81.0, lo=79.0, hi=82.0)}), 1.0)
    assert (row.verdict, row.error_pct, row.covers) == (table.OUTSIDE, 1.25, "yes")
    (row,) = table.judge(widened(case(RATE), 2), Evidence(metrics={"rate": Found(value=81.0)}), 1.0)
    assert row.verdict == table.INSIDE


def test_attempts_stay_until_the_case_is_another_or_all_is_fresh(tmp_path: Path) -> None:
    file, order = tmp_path / "known.csv", ["K1", "K2"]

    def rows(of: Case, rate: float, attempt: int = 1) -> list[table.Row]:
        return table.judge(of, Evidence(metrics={"rate": Found(value=rate)}), 1.0, attempt)

    def kept() -> list[tuple[str, str, str]]:
        with file.open() as lines:
            return [(row["id"], row["attempt"], row["found"]) for row in csv.DictReader(lines)]

    first, second = case(RATE, name="K1"), case(RATE, name="K2")
    table.keep(file, rows(second, 80.0), order)
    table.keep(file, rows(first, 79.5) + rows(first, 80.5, attempt=2), order)
    table.keep(file, rows(first, 70.0), order)
    assert kept() == [("K1", "1", "79.5"), ("K1", "2", "80.5"), ("K1", "3", "70"), ("K2", "1", "80")]
    table.keep(file, rows(dataclasses.replace(second, claim="something else"), 60.0), order)
    table.keep(file, rows(first, 81.0), order, fresh=True)
    assert kept() == [("K1", "1", "81"), ("K2", "1", "60")]
    assert file.with_suffix(".json").is_file()


def test_a_quantile_from_buckets(tmp_path: Path) -> None:
    file = tmp_path / "histograms.csv"
    counts = [(2, "good", 15.0, 90), (2, "good", 25.0, 10), (1, "good", 0.5, 7), (2, "error", 1.5, 9)]
    rows = [
        BucketCount(visit=visit, kind=kind, bucket_lo_ms=low, bucket_hi_ms=high, count=count)
        for visit, kind, ms, count in counts
        for low, high in [edges(bucket(ms))]
    ]
    write_table(file, BucketCount, rows)
    assert quantile(file, 2, 0.5) == pytest.approx(15, rel=0.01)
    assert quantile(file, 2, 0.95) == pytest.approx(25, rel=0.01)
    assert quantile(file, 3, 0.95) is None


def test_the_suite_has_every_known_answer_once() -> None:
    ids = [case.id for case in suite.CASES]
    assert len(set(ids)) == len(ids)
    assert {suite.number(case) for case in suite.CASES} == set(range(1, 23))
    assert [case.id for case in suite.chosen("K5")] == ["K5-constant", "K5-exponential", "K5-lognormal"]
    assert [case.id for case in suite.chosen("K1")] == ["K1"]
    with pytest.raises(ValueError, match="there is no case 'K99'"):
        suite.chosen("K99")


def test_two_classes_in_one_line_tend_to_the_mean_and_short_ones_come_round_more_often() -> None:
    assert formulas.two_classes_rate(400, 4, (0.01, 0.2)) == pytest.approx(4 / 0.105, rel=0.03)
    assert formulas.two_classes_rate(20, 4, (0.05, 0.05)) == pytest.approx(80, rel=0.01)
    assert formulas.two_classes_rate(16, 4, (0.01, 0.2)) > formulas.two_classes_rate(32, 4, (0.01, 0.2)) > 4 / 0.105
