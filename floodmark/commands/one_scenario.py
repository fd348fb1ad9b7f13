"""Resolves the scenario of a verb that starts a single server."""

from __future__ import annotations

import argparse

from floodmark.commands import user_app
from floodmark.errors import UsageError
from floodmark.plan.app_scenarios import read_scenarios
from floodmark.plan.planned_run import find_scenario
from floodmark.plan.scenario import Scenario, from_table
from floodmark.targets import servers


def one_scenario(options: argparse.Namespace) -> Scenario:
    """The scenario that the options name, or that of the user's own app. Raises UsageError."""
    if options.name is not None:
        user_app.forbid(options, "a name")
        return scenario_or_target(options.name, options.overrides, options.workload)
    scenarios = user_app.scenarios(options)
    if scenarios is None:
        raise UsageError("say what to bring up: a scenario or a target (floodmark list targets), or --app")
    return user_app.only(scenarios)


def scenario_or_target(name: str, overrides: list[str], workload: str | None) -> Scenario:
    """A scenario by name or file, or one with the defaults of a target. Raises UsageError."""
    changes = [*overrides, *([f'workload="{workload}"'] if workload else [])]
    try:
        path = find_scenario(name)
    except UsageError:
        if name not in servers.names():
            raise
        return from_table({"target": name}, name=name, where=name, overrides=changes)
    return user_app.only(read_scenarios(path, changes))
