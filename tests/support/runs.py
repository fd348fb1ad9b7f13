"""Made-up runs: eight slots of 50 ms behind gthread, judged as a real run is."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from floodmark.results.conclude import judge_run
from floodmark.results.record import (
    Cores,
    HostRecord,
    Load,
    Revision,
    RunRecord,
    ScenarioRecord,
    SearchRecord,
    Status,
    TargetRecord,
    write_record,
)
from floodmark.results.run import Run
from floodmark.results.schema import RESULTS, STEPS, Result
from floodmark.results.table import write_table
from floodmark.verdict.enums import End, Phase
from floodmark.verdict.visit import Visit
from tests.support.visits import visit

RECORD = RunRecord(
    run_id="20261120T101500Z-gthread-io-1",
    status=Status.COMPLETE,
    started="2026-11-20T10:15:00.000+00:00",
    scenario=ScenarioRecord(name="gthread", workload="io", load=Load()),
    backend="process",
    target=TargetRecord(
        server="gunicorn-gthread",
        version="26.0.0",
        declared={"workers": 2, "threads": 4, "keepalive_s": 75},
        nominal_slots=8,
    ),
    cores=Cores(target=(0,), generator=(1,)),
    floodmark=Revision(version="0.1.0", git_sha="0123456789abcdef", dirty=False),
    python="3.11.7",
    packages={"locust": "2.47.0"},
    host=HostRecord(kernel="6.1.0", cpu_model="CPU of 8", cpus=2),
    search=SearchRecord(end=End.FOUND, hold_users=16),
)


def searched(scale: float = 1.0) -> list[Visit]:
    """A search of eight slots of 50 ms, ``scale`` times as fast; the last but two visits are void."""
    plan = [
        (Phase.WARM, 16, 140.0, 100.0),
        (Phase.BASE, 1, 20.0, 50.0),
        (Phase.BRACKET, 8, 150.0, 52.0),
        (Phase.HOLD, 16, 160.0, 100.0),
        (Phase.HOLD, 16, 160.4, 99.0),
        (Phase.HOLD, 16, 159.6, 101.0),
        (Phase.VERIFY, 32, 120.0, 200.0),
        (Phase.VERIFY, 32, 158.4, 200.0),
        (Phase.RECOVERY, 4, 80.0, 50.0),
    ]
    return [
        visit(
            phase,
            users,
            rate * scale,
            r_ms / scale,
            number,
            start_s=number * 6.0,
            r_p50_ms=r_ms / scale,
            valid=number != 7,
            reason="goodput drifted" if number == 7 else "",
        )
        for number, (phase, users, rate, r_ms) in enumerate(plan, 1)
    ]


def made_up(
    name: str = "gthread", scale: float = 1.0, end: End = End.FOUND, *, judged: bool = True, **changes: Any
) -> Run:
    """A run with its verdict. changes: fields of its record; a dictionary changes fields of what is there."""
    record = dataclasses.replace(
        RECORD,
        run_id=f"20261120T101500Z-{name}-io-1",
        scenario=dataclasses.replace(RECORD.scenario, name=name),
        search=SearchRecord(end=end, hold_users=16),
    )
    for key, value in changes.items():
        part = getattr(record, key)
        whole = dataclasses.replace(part, **value) if isinstance(value, dict) else value
        record = dataclasses.replace(record, **{key: whole})
    run = Run(path=Path(record.run_id), record=record, visits=searched(scale))
    return with_verdict(run) if judged else run


def with_verdict(run: Run) -> Run:
    """The run with what is said of it now."""
    _, results = judge_run(run)
    return dataclasses.replace(run, results={row.metric: row for row in results})


def store(run: Run, root: Path) -> Path:
    """Write a run into a folder below ``root``; returns that folder."""
    folder = root / run.run_id
    folder.mkdir(parents=True)
    write_record(folder, run.record)
    write_table(folder / RESULTS, Result, run.results.values())
    write_table(folder / STEPS, Visit, run.visits)
    return folder
