"""``floodmark list``: list targets, scenarios or workloads."""

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
    parser = verbs.add_parser("list", help="list targets, scenarios or workloads", description=__doc__)
    parser.add_argument("kind", choices=["targets", "scenarios", "workloads"])
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace, console: Console) -> int:
    match options.kind:
        case "targets":
            rendered = _targets()
        case "scenarios":
            rendered = _scenarios()
        case _:
            rendered = _workloads()
    stdout().print(rendered)
    return 0


def _targets() -> Table:
    rendered = table("target", "what", "settings", "slots", "here (process backend)")
    for name in servers.names():
        server = servers.find(name)
        reason = servers.missing(server)
        settings = " ".join(f"{s.name}={s.default}" for s in server.settings.values())
        available = f"unavailable: {reason}; {server.fix}" if reason else server.version() or "installed"
        rendered.add_row(name, server.title, settings, server.slots or "unlimited", available)
    return rendered


def _scenarios() -> Table:
    rendered = table("scenario", "target", "workload", "slots")
    for name in scenario_names():
        try:
            planned = plan_run(
                read_scenario(find_scenario(name)), bind=("127.0.0.1", 8000), quick=False, repeat=1, seed=1
            )
        except UsageError as error:
            rendered.add_row(name, "invalid", str(error), "")
            continue
        assert planned.target is not None
        slots = planned.target.nominal_slots
        rendered.add_row(
            name,
            planned.scenario.target,
            planned.scenario.workload,
            "unlimited" if slots is None else str(slots),
        )
    return rendered


def _workloads() -> Table:
    rendered = table("workload", "request", "answer must contain")
    for name, workload in WORKLOADS.items():
        rendered.add_row(name, f"{workload.method} {workload.path}", workload.marker.decode())
    return rendered
