"""Nights: judged from their rounds, kept in plain files, handed to other programs."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from floodmark.cli import main
from floodmark.compare.enums import Finding, Role
from floodmark.errors import UsageError
from floodmark.nightly.files import (
    NIGHTS,
    NightRecord,
    NightRow,
    NightSettings,
    NightStatus,
    RoundRow,
    create_night,
    night_folders,
    read_night,
    rebuild,
    write_night,
    write_night_rows,
    write_rounds,
)
from floodmark.nightly.history import Past, below, false_alarms, judge_night, machine_noisy, read_past
from floodmark.nightly.judge import History, Member, judge
from floodmark.nightly.order import order, order_again
from floodmark.nightly.suite import Setup, SuiteDefinition, suite
from floodmark.nightly.summary import twins
from floodmark.nightly.trend import page
from floodmark.plan.planned_run import NIGHTLY
from floodmark.results.table import read_table

SETUPS = {
    "sync-io": Role.SETUP,
    "gthread-io": Role.SETUP,
    "uwsgi-io": Role.SETUP,
    "waitress-io": Role.SETUP,
    "gevent-io": Role.SETUP,
    "reference-io": Role.REFERENCE,
    "sync-io-again": Role.TWIN,
}
ROUNDS = 3
NOISE = 0.01


def name(number: int) -> str:
    return f"2026-{1 + number // 28:02}-{1 + number % 28:02}"


class Writer:
    """Makes nights. speeds: of setups, 1 being as always; machine: of all."""

    def __init__(self, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)

    def night(
        self,
        number: int,
        speeds: Mapping[str, float] | None = None,
        machine: float = 1.0,
        again: tuple[str, ...] = (),
        invalid: tuple[str, ...] = (),
        noisy: bool = False,
    ) -> list[RoundRow]:
        rows = []
        visits = [(setup, n, False) for n in range(1, ROUNDS + 1) for setup in SETUPS]
        visits += [
            (setup, ROUNDS + n, True) for n in range(1, 4) for setup in (*again, *(["reference-io"] * bool(again)))
        ]
        for setup, one, second in visits:
            for metric, base in (("ceiling_rps", 160.0), ("r0_ms", 50.0)):
                speed = machine * (speeds or {}).get(setup, 1.0)
                noise = math.exp(NOISE * self._random.standard_normal())
                valid = setup not in invalid
                rows.append(
                    RoundRow(
                        night=name(number),
                        setup=setup,
                        role=SETUPS[setup],
                        twin_of="sync-io" if SETUPS[setup] is Role.TWIN else "",
                        workload="io",
                        round=one,
                        again=second,
                        run_id=f"{number}-{setup}-{one}",
                        metric=metric,
                        value=base * noise * (speed if metric == "ceiling_rps" else 1 / speed) if valid else None,
                        unit="requests/s" if metric == "ceiling_rps" else "ms",
                        valid=valid,
                        noisy=noisy,
                        reason="" if valid else "the load generator was the limit",
                        series="s",
                    )
                )
        return rows


def past(writer: Writer, count: int) -> Past:
    nights = [tuple(writer.night(number)) for number in range(count)]
    return Past(names=tuple(name(n) for n in range(count)), rounds=tuple(nights), rows=((),) * count)


def findings(rows: list[NightRow]) -> dict[tuple[str, str], Finding]:
    return {(row.setup, row.metric): row.finding for row in rows}


def judged(tonight: list[RoundRow], before: Past, *, confirm: bool = False) -> list[NightRow]:
    night = tonight[0].night
    return judge_night(tonight, before, night=night, started=f"{night}T01:00:00+00:00", confirm=confirm)


@pytest.mark.parametrize(("nights", "slower"), [(2, 1.4), (14, 1.15), (40, 1.15)])
def test_the_slowed_setup_is_flagged_and_no_other(nights: int, slower: float) -> None:
    writer = Writer()
    before = past(writer, nights)
    slowed = {"waitress-io": 1 / slower}
    first = findings(judged(writer.night(nights, slowed), before))
    assert {key for key, word in first.items() if word is Finding.ALARM} == {
        ("waitress-io", "ceiling_rps"),
        ("waitress-io", "r0_ms"),
    }
    rows = judged(writer.night(nights, slowed, again=("waitress-io",)), before, confirm=True)
    assert {row.setup for row in rows if row.finding is Finding.REGRESSION} == {"waitress-io"}
    by_metric = {row.metric: row for row in rows if row.setup == "waitress-io"}
    assert by_metric["ceiling_rps"].ratio == pytest.approx(1 / slower, abs=0.03)
    assert by_metric["r0_ms"].ratio == pytest.approx(slower, abs=0.05)
    assert by_metric["r0_ms"].lowest is not None
    assert by_metric["r0_ms"].lowest > 1


def test_an_alarm_that_is_not_seen_again_is_none() -> None:
    writer = Writer()
    before = past(writer, 14)
    tonight = writer.night(14, {"waitress-io": 0.9}, again=("waitress-io",))
    honest = {row.run_id for row in tonight if row.again}
    tonight = [row for row in tonight if not row.again]
    tonight += [row for row in writer.night(14, again=("waitress-io",)) if row.run_id in honest]
    assert ("waitress-io", "ceiling_rps") not in {
        key for key, word in findings(judged(tonight, before, confirm=True)).items() if word is Finding.REGRESSION
    }


def test_an_alarm_that_was_not_measured_again_stays_one() -> None:
    writer = Writer()
    before = past(writer, 14)
    rows = judged(writer.night(14, {"waitress-io": 0.85}), before, confirm=True)
    assert findings(rows)["waitress-io", "ceiling_rps"] is Finding.ALARM


def test_what_all_share_is_a_platform_change_and_nobodys_regression() -> None:
    writer = Writer()
    before = past(writer, 20)
    words = findings(judged(writer.night(20, machine=0.8), before))
    assert words["reference-io", "ceiling_rps"] is Finding.PLATFORM
    assert Finding.ALARM not in words.values()


def test_a_slow_decline_is_found_as_a_change_point() -> None:
    writer = Writer(4)
    before = past(writer, 30)
    later = [writer.night(30 + n, {"gthread-io": 0.955}) for n in range(7)]
    seen = []
    for number, tonight in enumerate(later):
        names = tuple(name(n) for n in range(30 + number))
        rounds = (*before.rounds, *(tuple(rows) for rows in later[:number]))
        rows = judged(tonight, Past(names=names, rounds=rounds, rows=((),) * len(names)))
        seen += [row for row in rows if row.finding is Finding.ALARM]
    assert {row.setup for row in seen} == {"gthread-io"}
    assert any(row.tier == "trend" and name(29) <= row.since <= name(31) for row in seen)


def test_a_reported_regression_is_not_reported_again() -> None:
    writer = Writer()
    before = past(writer, 14)
    slowed = {"waitress-io": 0.87}
    first = writer.night(14, slowed, again=("waitress-io",))
    told = judged(first, before, confirm=True)
    assert Finding.REGRESSION in findings(told).values()
    nights = Past(
        names=(*before.names, name(14)), rounds=(*before.rounds, tuple(first)), rows=(*before.rows, tuple(told))
    )
    second = writer.night(15, slowed)
    third = judged(
        writer.night(16, slowed),
        Past(
            names=(*nights.names, name(15)),
            rounds=(*nights.rounds, tuple(second)),
            rows=(*nights.rows, tuple(judged(second, nights))),
        ),
    )
    assert findings(third)["waitress-io", "ceiling_rps"] is Finding.FINE


def test_an_invalid_result_is_no_verdict_and_a_gap() -> None:
    writer = Writer()
    before = past(writer, 14)
    rows = judged(writer.night(14, {"waitress-io": 0.5}, invalid=("waitress-io",)), before, confirm=True)
    row = next(row for row in rows if row.setup == "waitress-io" and row.metric == "ceiling_rps")
    assert (row.finding, row.value, row.n_valid) == (Finding.NO_VERDICT, None, 0)
    assert "the load generator was the limit" in row.reason
    html = page([*rows])
    assert "waitress-io" in html
    assert "No valid night" in html


def test_a_noisy_machine_is_no_verdict() -> None:
    writer = Writer()
    before = past(writer, 14)
    tonight = writer.night(14, {"waitress-io": 0.5}, noisy=True)
    assert machine_noisy(tonight)
    assert set(findings(judged(tonight, before)).values()) == {Finding.NO_VERDICT}


def test_another_configuration_starts_a_history_of_its_own() -> None:
    writer = Writer()
    before = past(writer, 14)
    tonight = [
        dataclasses.replace(row, series="other") if row.setup == "waitress-io" else row
        for row in writer.night(14, {"waitress-io": 0.5})
    ]
    assert findings(judged(tonight, before))["waitress-io", "ceiling_rps"] is Finding.YOUNG


def test_false_alarms_are_counted_from_the_twin() -> None:
    writer = Writer()
    before = past(writer, 14)
    same = judged(writer.night(14), before)
    apart = judged(writer.night(14, {"sync-io-again": 0.8}), before)
    assert false_alarms(same) == (0, 1)
    assert false_alarms([*same, *apart]) == (1, 2)
    assert "in 1 of 2 nights" in twins([*same, *apart])
    assert "not known yet" in twins([])


def test_a_gate_is_missed_with_the_whole_interval_only() -> None:
    writer = Writer()
    rows = judged(writer.night(0), past(writer, 0))
    assert below(rows, {"sync-io": 100.0}) == []
    assert below(rows, {"sync-io": 160.0}) == []
    assert below(rows, {"sync-io": 200.0})[0].startswith("sync-io: 1")


def night_record(night: str, started: str) -> NightRecord:
    return NightRecord(
        night=night,
        status=NightStatus.COMPLETE,
        started=started,
        suite=SuiteDefinition(table={}, where="here"),
        settings=NightSettings(bind="127.0.0.1:8000", seed=1, backend="process"),
        visits=(),
    )


def test_a_night_is_read_as_it_was_written(tmp_path: Path) -> None:
    visits = tuple(order([Setup(name="s", scenario="sync", workload="io")], 2, seed=5))
    record = dataclasses.replace(night_record("n", "2026-11-21T01:00:00.000+00:00"), visits=visits)
    write_night(tmp_path, record)
    assert read_night(tmp_path) == record


def write(root: Path, count: int, started: str = "T01:00:00.000+00:00") -> list[list[NightRow]]:
    writer = Writer()
    written = []
    for number in range(count):
        folder = create_night(root, name(number))
        write_night(folder, night_record(folder.name, name(number) + started))
        rounds = writer.night(number, invalid=("uwsgi-io",) if number == 3 else ())
        rows = judge_night(
            rounds, read_past(root, folder.name), night=folder.name, started=name(number) + started, confirm=True
        )
        write_rounds(folder, rounds)
        write_night_rows(folder, rows)
        written.append(rows)
    return written


def test_nights_are_rebuilt_from_their_folders(tmp_path: Path) -> None:
    written = write(tmp_path, 6)
    rows = rebuild(tmp_path)
    keys = [(row.night, row.setup, row.metric, row.finding, row.n_valid) for night in written for row in night]
    assert [(row.night, row.setup, row.metric, row.finding, row.n_valid) for row in rows] == keys
    assert read_table(tmp_path / NIGHTS, NightRow) == rows
    first = night_folders(tmp_path)[0]
    (first / "night.json").unlink()
    assert len(rebuild(tmp_path)) == len(rows) - len(written[0])


def test_nothing_is_overwritten_and_nights_of_a_day_are_in_order(tmp_path: Path) -> None:
    folders = [create_night(tmp_path, "2026-11-21") for _ in range(11)]
    for folder in folders:
        write_night(folder, night_record(folder.name, "2026-11-21T01:00:00.000+00:00"))
    assert len(set(folders)) == 11
    assert [folder.name for folder in night_folders(tmp_path)] == [folder.name for folder in folders]
    assert read_past(tmp_path, "2026-11-21-3").names == ("2026-11-21", "2026-11-21-2")


def test_the_history_for_otava_has_a_row_for_each_night_with_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "nights", 6)
    assert main(["history", str(tmp_path / "nights"), "--otava", str(tmp_path / "otava")]) == 0
    assert "otava.yaml" in capsys.readouterr().out
    for setup, nights in (("sync-io", 6), ("uwsgi-io", 5)):
        with (tmp_path / "otava" / f"{setup}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == nights
        assert list(rows[0]) == ["time", "night", "ceiling_rps", "r0_ms"]
    assert "direction: -1" in (tmp_path / "otava" / "otava.yaml").read_text()


def test_the_trend_page_is_self_contained(tmp_path: Path) -> None:
    html = page([row for night in write(tmp_path, 6) for row in night])
    assert html.count("<svg") == 2 * len(SETUPS)
    assert "http" not in html
    assert "False alarms" in html


def test_an_order_is_fresh_in_each_round_and_the_same_for_a_seed() -> None:
    setups = [Setup(name=f"s{n}", scenario="sync", workload="io") for n in range(8)]
    visits = order(setups, 3, seed=5)
    assert visits == order(setups, 3, seed=5)
    assert visits != order(setups, 3, seed=6)
    assert [visit.number for visit in visits] == list(range(1, 25))
    rounds = [[v.setup for v in visits if v.round == number] for number in (1, 2, 3)]
    assert all(sorted(one) == [s.name for s in setups] for one in rounds)
    assert rounds[0] != rounds[1] != rounds[2]
    more = order_again(["s1", "s2"], visits, 3, seed=5)
    assert [(v.number, v.round, v.again) for v in more][:3] == [(25, 4, True), (26, 4, True), (27, 5, True)]


def test_the_default_suite_has_its_setups_references_and_a_twin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "--plan"]) == 0
    out = capsys.readouterr().out
    assert "39 visits, about" in out
    minutes = int(out.rsplit("about ", 1)[1].split()[0])
    assert minutes <= 60
    assert NIGHTLY.stem not in " ".join(str(path) for path in NIGHTLY.parent.glob("*.md"))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "no setup"),
        ({"servres": ["sync"]}, "did you mean 'servers'"),
        ({"servers": ["sync"]}, "only have an effect together"),
        ({"servers": "sync"}, "must be a list of strings"),
        ({"servers": ["sync"], "workloads": ["io"], "twin": "sync-cpu"}, "there is no such setup"),
        ({"servers": ["sync"], "workloads": ["io"], "rounds": 0}, "whole number from 1 to 99"),
        ({"setup": {"a": {"scenario": "sync"}}}, "workload must be text"),
        ({"setup": {"a": {"scenario": "sync", "workload": "io", "role": "twin"}}}, "must be setup or reference"),
        ({"setup": {"a": {"scenario": "sync", "workload": "io", "sett": []}}}, "did you mean 'set'"),
        ({"servers": ["sync", "sync"], "workloads": ["io"]}, "a name is given twice"),
    ],
)
def test_a_suite_that_cannot_be_used_says_why(table: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        suite(table, "nightly.toml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nightly", "--only", "sync-iio"], "did you mean 'sync-io'"),
        (["nightly", "--fail-under", "sync-io"], "must be SETUP=RPS"),
        (["nightly", "--fail-under", "nobody=3"], "must be SETUP=RPS"),
        (["nightly", "nowhere.toml"], "cannot read nowhere.toml"),
        (["resume", "nowhere"], "is not the folder of a night"),
        (["history", "nowhere"], "contains no night"),
        (["compare", "nowhere"], "there is no such folder"),
        (["compare", "docs"], "neither a run nor a folder of runs"),
    ],
)
def test_wrong_use_is_exit_2(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    write(tmp_path / "nights", 4)
    file = tmp_path / "nights.parquet"
    assert main(["history", str(tmp_path / "nights"), "--parquet", str(file)]) == 0
    read = parquet.read_table(file).to_pylist()
    rows = read_table(tmp_path / "nights" / NIGHTS, NightRow)
    assert len(rows) > 4
    assert [row["value"] for row in read] == [row.value for row in rows]
    assert {row["finding"] for row in read} == {str(row.finding) for row in rows}


def test_without_its_extra_parquet_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    write(tmp_path / "nights", 4)
    file = tmp_path / "nights.parquet"
    assert main(["history", str(tmp_path / "nights"), "--parquet", str(file)]) == 2
    assert "pip install 'floodmark[parquet]'" in capsys.readouterr().err.replace("\n", " ")
    assert not file.exists()


def test_a_change_reported_long_ago_does_not_cut_the_baseline_short() -> None:
    members = [Member(name="a", group="io")]
    random = np.random.default_rng(2)
    logs = 0.01 * random.standard_normal((120, 1, 3))
    logs[-1] -= 0.12
    (one,) = judge(History(members=members, logs=logs, rounds=3, reported={"a": [3]}))
    assert one.finding is Finding.ALARM
    assert one.nights == 14
    assert one.at == 119
