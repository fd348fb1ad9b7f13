"""The one scenario of a verb that brings up one server."""

from __future__ import annotations

import argparse

from floodmark.commands import user_app
from floodmark.errors import UsageError
from floodmark.plan.app_scenarios import read_scenarios
from floodmark.plan.planned_run import find_scenario
from floodmark.plan.scenario import Scenario, from_table
from floodmark.targets import servers


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
        if name not in servers.names():
            raise
        return from_table({"target": name}, name=name, where=name, overrides=changed)
    return user_app.only(read_scenarios(path, changed))
