"""A run's verdict is made from its files alone: every judgement is applied anew."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floodmark.errors import UsageError
from floodmark.results.conclude import conclude, judge_run
from floodmark.results.outcome import judged_outcome
from floodmark.results.record import Cores, GeneratorRecord, RunRecord, read_record
from floodmark.results.run import Run, read_run
from floodmark.results.schema import RESULTS
from floodmark.verdict import counts, outcome
from floodmark.verdict.counts import Counts
from floodmark.verdict.enums import End
from tests.support.runs import RECORD, made_up, store, with_verdict

DOUBLED = GeneratorRecord(client="step", doubled_rps=164.0, doubled="2 generator processes")
"""2.2 % more than the best hold visit: within what two windows may differ by."""


def busy(run: Run) -> Run:
    """Its generator waited for the CPUs that it shares with the target; together they used 1.75 of 2."""
    visits = [dataclasses.replace(v, cpu_cores=1.65, gen_cpu_max=0.1, gen_demand_max=0.95) for v in run.visits]
    return with_verdict(dataclasses.replace(run, visits=visits))


SHARED = Cores(target=(0, 1), generator=(0, 1), shared_cores=1)


@pytest.mark.parametrize(
    ("run", "where", "name", "stricter", "end"),
    [
        (made_up(generator=DOUBLED), outcome, "MORE", 1.02, End.GENERATOR_LIMITED),
        (busy(made_up(cores=SHARED)), outcome, "FULL", 0.9, End.GENERATOR_LIMITED),
        (made_up(counts=Counts(asked=100_000, served=98_500)), counts, "TOLERATED", 0.01, End.MISCOUNTED),
    ],
    ids=["twice the generators", "shared CPUs", "counts"],
)
def test_a_changed_threshold_changes_the_verdict_of_a_stored_run(
    run: Run, where: object, name: str, stricter: float, end: End, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store(run, tmp_path)
    before = (folder / RESULTS).read_bytes()
    assert conclude(folder).confirmed
    assert (folder / RESULTS).read_bytes() == before
    monkeypatch.setattr(where, name, stricter)
    assert not conclude(folder).confirmed
    assert judged_outcome(read_run(folder)).end is end
    assert (folder / RESULTS).read_bytes() != before
    # What the search saw stays what it was.
    assert read_record(folder).search == RECORD.search


def test_runs_of_schema_1_were_judged_before_they_were_stored(tmp_path: Path) -> None:
    more = dataclasses.replace(DOUBLED, doubled_rps=300.0)
    assert judged_outcome(made_up(generator=more)).end is End.GENERATOR_LIMITED
    assert judged_outcome(made_up(generator=more, schema=1)).end is End.FOUND


@pytest.mark.parametrize(
    "changes",
    [
        {"generator": GeneratorRecord(client="locustfile")},
        {"scenario": dataclasses.replace(RECORD.scenario, workload="hostile")},
    ],
)
def test_counts_that_are_not_of_the_same_requests_are_not_compared(changes: dict[str, Any]) -> None:
    wrong = Counts(asked=10_000, served=20_000)
    assert judged_outcome(made_up(counts=wrong)).end is End.MISCOUNTED
    assert judged_outcome(made_up(counts=wrong, **changes)).end is End.FOUND


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = made_up(generator=DOUBLED, counts=Counts(asked=3, failed=1, served=2))
    assert read_run(store(run, tmp_path)).record == run.record


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table.update(seed="one"), "Expected `int | null`, got `str` - at `seed`"),
        (lambda table: table["target"].pop("server"), "Object missing required field `server` - at `target`"),
        (lambda table: table["search"].update(end="lost"), "Invalid enum value 'lost' - at `search.end`"),
        (lambda table: table.update(schema=3), "schema 3; this floodmark reads schemas 1 to 2; it was written by"),
        (lambda table: table.pop("schema"), "schema None; this floodmark reads schemas 1 to 2"),
    ],
)
def test_a_record_that_does_not_fit_names_file_and_key(
    change: Callable[[dict[str, Any]], object], says: str, tmp_path: Path
) -> None:
    folder = store(made_up(), tmp_path)
    table = json.loads((folder / "run.json").read_text())
    change(table)
    (folder / "run.json").write_text(json.dumps(table))
    with pytest.raises(UsageError) as caught:
        read_run(folder)
    assert str(caught.value).startswith(f"{folder / 'run.json'}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"schema": 2', "[" * 100_000])
def test_a_record_that_is_no_document_says_so(text: str, tmp_path: Path) -> None:
    folder = store(made_up(), tmp_path)
    (folder / "run.json").write_text(text)
    with pytest.raises(UsageError, match=r"run\.json: not"):
        read_run(folder)


def test_a_run_that_was_killed_has_no_outcome_yet() -> None:
    killed = dataclasses.replace(made_up(), record=dataclasses.replace(RECORD, search=None))
    verdict, _ = judge_run(killed)
    assert judged_outcome(killed).end is End.INTERRUPTED
    assert not verdict.confirmed


def test_every_field_of_a_record_may_be_missing_but_for_what_names_the_run() -> None:
    needed = {f.name for f in dataclasses.fields(RunRecord) if f.default is f.default_factory is dataclasses.MISSING}
    assert needed == {"run_id", "started", "scenario", "backend", "target"}
