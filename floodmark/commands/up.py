"""``floodmark up NAME`` brings a target up by hand and prints its URL; ``floodmark down`` stops all of them."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from rich.console import Console

from floodmark.commands import arguments, user_app
from floodmark.errors import UsageError
from floodmark.plan.app_scenarios import read_scenarios
from floodmark.plan.planned_run import find_scenario, plan_run
from floodmark.plan.scenario import Scenario, from_table
from floodmark.results.table import WriteError, write_text
from floodmark.targets import compose, process
from floodmark.targets.choose import choose
from floodmark.targets.cpus import allot
from target_apps import catalog

UP = ".up"
HANDLE = "handle.json"


def add_to(verbs: Any) -> None:
    parser = verbs.add_parser("up", help="bring a target up by hand", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help="a scenario or a target")
    arguments.add_app(parser)
    arguments.add_target(parser)
    arguments.add_scenario(parser)
    arguments.add_results(parser)
    parser.set_defaults(execute=execute_up)
    down = verbs.add_parser("down", help="stop what `up` started", description=__doc__)
    arguments.add_results(down)
    down.set_defaults(execute=execute_down)


def one_scenario(options: argparse.Namespace) -> Scenario:
    """What a command that brings up one server names, or the user's own app. Raises UsageError."""
    if options.name is not None:
        user_app.forbid(options, "a name")
        return scenario_or_target(options.name, options.overrides, options.workload)
    found = user_app.scenarios(options)
    if found is None:
        raise UsageError("say what to bring up: a scenario or a target (floodmark list targets), or give --app")
    return user_app.only(found)


def scenario_or_target(name: str, overrides: list[str], workload: str | None) -> Scenario:
    """A scenario by name or file, or a target's defaults. Raises UsageError."""
    changed = [*overrides, *([f'workload="{workload}"'] if workload else [])]
    try:
        path = find_scenario(name)
    except UsageError:
        if name not in catalog.names():
            raise
        return from_table({"target": name}, name=name, where=name, overrides=changed)
    return user_app.only(read_scenarios(path, changed))


def execute_up(options: argparse.Namespace, console: Console) -> int:
    scenario = one_scenario(options)
    bind = arguments.parse_bind(options.bind)
    planned = plan_run(scenario, bind=bind, quick=options.quick, repeat=1, seed=options.seed)
    assert planned.target is not None
    backend, why = choose(options.backend, lambda text: console.print(text, highlight=False), outlive=True)
    folder = _folder(options.results, bind[1])
    running = backend.up(planned.target, allot(scenario.budget.cpus, scenario.budget.memory), folder)
    write_text(folder / HANDLE, json.dumps({"backend": backend.name, "handle": running.handle()}))
    console.print(
        f"{planned.target.server.name} is up, backend {backend.name} ({why}); floodmark down stops it",
        highlight=False,
    )
    print(running.base_url)
    return 0


def _folder(results: Path, port: int) -> Path:
    folder = results / UP / str(port)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write below {results}: {error.strerror}; choose a folder with --results") from error
    return folder


def execute_down(options: argparse.Namespace, console: Console) -> int:
    stopped = 0
    for path in sorted((options.results / UP).glob(f"*/{HANDLE}")):
        state = json.loads(path.read_text(encoding="utf-8"))
        stop = compose.stop if state["backend"] == "compose" else process.stop
        stopped += stop(state["handle"])
        shutil.rmtree(path.parent, ignore_errors=True)
    console.print(f"{stopped} target{'s' if stopped != 1 else ''} stopped", highlight=False)
    return 0
