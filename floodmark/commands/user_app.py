"""Resolves the user's own app, from options or from floodmark.toml."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from floodmark.commands import arguments
from floodmark.errors import UsageError
from floodmark.plan.app_scenarios import from_own_table
from floodmark.plan.planned_run import PlannedRun, named_scenarios, plan_all
from floodmark.plan.scenario import Scenario, read_toml
from floodmark.plan.toml_keys import Table
from floodmark.targets.user_app import OWN_FILE

KEYS = {
    "app": "module",
    "app_dir": "dir",
    "path": "path",
    "marker": "marker",
    "locustfile": "locustfile",
    "requirements": "requirements",
    "servers": "servers",
}
"""Options, and the keys of ``[app]`` that they set."""


def given(options: argparse.Namespace) -> Table:
    """The keys of ``[app]`` that the options set."""
    return {key: getattr(options, name) for name, key in KEYS.items() if getattr(options, name) is not None}


def scenarios(options: argparse.Namespace) -> list[Scenario] | None:
    """The scenarios of ``--app`` or of floodmark.toml in this folder, one per server; None without either.

    Raises UsageError.
    """
    keys = given(options)
    file = Path(OWN_FILE)
    if "module" in keys:
        where, name, table = "--app", "floodmark", Table()
    elif file.is_file():
        where, name, table = OWN_FILE, file.stem, read_toml(file)
        if "app" not in table:
            raise UsageError(f"{OWN_FILE}: section [app] is missing; add it, with e.g. module = 'shop:create_app'")
    elif keys:
        name = next(name for name, key in KEYS.items() if key in keys)
        option = "server" if name == "servers" else name.replace("_", "-")
        raise UsageError(f"--{option} has an effect only with --app, or with {OWN_FILE} in this folder")
    else:
        return None
    if options.workload:
        raise UsageError("--workload has no effect with your own app; use --path or --locustfile")
    section = table.setdefault("app", {})
    if isinstance(section, dict):
        section.update({key: _written(key, value) for key, value in keys.items()})
        if "servers" in keys:
            table.pop("target", None)
    return from_own_table(table, where=where, home=Path.cwd(), overrides=options.overrides, name=name)


def _written(key: str, value: Any) -> Any:
    """The value as it would be in floodmark.toml in the working directory, to which paths are relative."""
    return str(Path(value).expanduser()) if key in {"dir", "locustfile", "requirements"} and value else value


def only(candidates: list[Scenario]) -> Scenario:
    """The single scenario of a command that starts one server. Raises UsageError if there are several."""
    if len(candidates) > 1:
        targets = ", ".join(scenario.target for scenario in candidates)
        raise UsageError(f"this brings up one server; say which with --server ({targets})")
    return candidates[0]


def forbid(options: argparse.Namespace, instead_of: str) -> None:
    """Raise UsageError if options of the user's own app are given together with ``instead_of``."""
    keys = given(options)
    if keys:
        raise UsageError(f"give {instead_of}, or your own app with its options ({', '.join(keys)}), not both")


def plans(options: argparse.Namespace) -> list[PlannedRun]:
    """Plan the runs of the named scenarios, or of the user's own app. Raises UsageError."""
    if options.scenarios:
        forbid(options, "scenarios")
        chosen = named_scenarios(options.scenarios, options.overrides, options.workload)
    else:
        own_scenarios = scenarios(options)
        if own_scenarios is None:
            raise UsageError("say which scenario to run (floodmark list scenarios), or give --app or --url")
        chosen = own_scenarios
    return plan_all(
        chosen,
        bind=arguments.parse_bind(options.bind),
        quick=options.quick,
        repeat=arguments.at_least_one(options.repeat, "--repeat"),
        seed=options.seed,
    )
