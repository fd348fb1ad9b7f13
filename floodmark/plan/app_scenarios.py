"""Scenarios of the user's own app: one for each server that it runs behind."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from floodmark.errors import UsageError
from floodmark.plan.scenario import Scenario, from_table, read_toml
from floodmark.plan.toml_keys import Table
from floodmark.targets import servers
from floodmark.targets.user_app import OWN_FILE


def read_scenarios(path: Path, overrides: Iterable[str] = ()) -> list[Scenario]:
    """Read a scenario file: a single scenario, or one for each server of its ``[app]``. Raises UsageError."""
    return from_own_table(read_toml(path), where=str(path), home=path.parent, overrides=overrides, name=path.stem)


def from_own_table(table: Table, *, where: str, home: Path, overrides: Iterable[str] = (), name: str) -> list[Scenario]:
    """The scenarios of a parsed table. Raises UsageError."""
    scenario = from_table(table, name=name, where=where, overrides=overrides, home=home)
    app = scenario.app
    if app is None:
        return [scenario]
    if app.marker and app.locustfile and app.path is None:
        raise UsageError(f"{where}: [app] marker has no effect with a locustfile and no path")
    if app.servers and scenario.target:
        raise UsageError(f"{where}: target and [app] servers both choose the server; keep one of them")
    chosen = app.servers or ((scenario.target,) if scenario.target else ())
    if not chosen:
        raise UsageError(
            f"{where}: no server for the app; set [app] servers = [...] or --server NAME, which can be repeated; "
            f"available: {', '.join(servers.names())}"
        )
    if len(set(chosen)) < len(chosen):
        raise UsageError(f"{where}: a server is named twice: {', '.join(chosen)}; use --repeat to repeat runs")
    label = app.label if name == Path(OWN_FILE).stem else name
    return [_behind(scenario, text, label, where) for text in chosen]


def _behind(scenario: Scenario, text: str, label: str, where: str) -> Scenario:
    target, _, pairs = text.partition(":")
    settings = dict(_setting(pair, text, where) for pair in pairs.split(",")) if pairs else {}
    return dataclasses.replace(
        scenario,
        name=f"{label}-{re.sub(r'[^A-Za-z0-9]+', '-', text.replace('=', '')).strip('-')}",
        target=target,
        server={**scenario.server, **settings},
    )


def _setting(pair: str, text: str, where: str) -> tuple[str, int | str]:
    name, equals, value = pair.partition("=")
    if not equals or not name or not value:
        raise UsageError(f"{where}: {text!r}: settings must be name=value, such as uwsgi:workers=4,threads=2")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    return name, parsed if isinstance(parsed, int) and not isinstance(parsed, bool) else value
