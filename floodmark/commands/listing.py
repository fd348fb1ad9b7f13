"""``floodmark list``: what there is to run."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table

from floodmark.errors import UsageError
from floodmark.plan.planned_run import find_scenario, plan_run, scenario_names
from floodmark.plan.scenario import read_scenario
from floodmark.report.tables import stdout, table
from floodmark.targets import servers
from target_apps.workloads import WORKLOADS


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("list", help="targets, scenarios or workloads", description=__doc__)
    parser.add_argument("kind", choices=["targets", "scenarios", "workloads"])
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    match options.kind:
        case "targets":
            shown = _targets()
        case "scenarios":
            shown = _scenarios()
        case _:
            shown = _workloads()
    stdout().print(shown)
    return 0


def _targets() -> Table:
    shown = table("target", "what", "settings", "slots", "here (process backend)")
    for name in servers.names():
        server = servers.find(name)
        reason = servers.missing(server)
        settings = " ".join(f"{s.name}={s.default}" for s in server.settings.values())
        here = f"unavailable: {reason}; {server.mend}" if reason else server.version() or "installed"
        shown.add_row(name, server.title, settings, server.slots or "unlimited", here)
    return shown


def _scenarios() -> Table:
    shown = table("scenario", "target", "workload", "slots")
    for name in scenario_names():
        try:
            planned = plan_run(
                read_scenario(find_scenario(name)), bind=("127.0.0.1", 8000), quick=False, repeat=1, seed=1
            )
        except UsageError as error:
            shown.add_row(name, "faulty", str(error), "")
            continue
        assert planned.target is not None
        slots = planned.target.nominal_slots
        shown.add_row(
            name,
            planned.scenario.target,
            planned.scenario.workload,
            "unlimited" if slots is None else str(slots),
        )
    return shown


def _workloads() -> Table:
    shown = table("workload", "request", "answer must contain")
    for name, workload in WORKLOADS.items():
        shown.add_row(name, f"{workload.method} {workload.path}", workload.marker.decode())
    return shown
