"""``floodmark list``: what there is to run."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table

from floodmark.errors import UsageError
from floodmark.plan import find_scenario, plan_run, scenario_names
from floodmark.scenario import read_scenario
from target_apps import catalog
from target_apps.workloads import WORKLOADS


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("list", help="targets, scenarios or workloads", description=__doc__)
    parser.add_argument("kind", choices=["targets", "scenarios", "workloads"])
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    match options.kind:
        case "targets":
            table = _targets()
        case "scenarios":
            table = _scenarios()
        case _:
            table = _workloads()
    Console().print(table)
    return 0


def _targets() -> Table:
    table = Table("target", "what", "settings", "slots", "here (process backend)")
    for name in catalog.names():
        server = catalog.load(name)
        reason = server.missing()
        settings = " ".join(f"{s.name}={s.default}" for s in server.settings.values())
        here = f"unavailable: {reason}; {server.mend}" if reason else server.version() or "installed"
        table.add_row(name, server.title, settings, server.slots or "unlimited", here)
    return table


def _scenarios() -> Table:
    table = Table("scenario", "target", "workload", "slots")
    for name in scenario_names():
        try:
            planned = plan_run(
                read_scenario(find_scenario(name)), bind=("127.0.0.1", 8000), quick=False, repeat=1, seed=1
            )
        except UsageError as error:
            table.add_row(name, "faulty", str(error), "")
            continue
        assert planned.target is not None
        slots = planned.target.nominal_slots
        table.add_row(
            name,
            planned.scenario.target,
            planned.scenario.workload,
            "unlimited" if slots is None else str(slots),
        )
    return table


def _workloads() -> Table:
    table = Table("workload", "request", "answer must contain")
    for name, workload in WORKLOADS.items():
        table.add_row(name, f"{workload.method} {workload.path}", workload.marker.decode())
    return table
