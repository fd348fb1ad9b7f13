"""Scenarios: which target is started and how it is loaded, read from TOML and checked key by key."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from floodmark.errors import UsageError
from floodmark.plan.toml_keys import Keys, Table, override, section
from floodmark.results.record import AppSection, Budget, Load, SearchBudget, Slo
from floodmark.search.settings import parse_slo
from floodmark.targets.user_app import CHECKS
from floodmark.verdict.enums import Connections, Model, Spacing

_MEMORY = re.compile(r"(\d+)\s*([kmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
DEFAULT_MAX_USERS = 4000
WORKLOAD = "io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The complete definition of a run."""

    name: str
    target: str
    workload: str = WORKLOAD
    server: Mapping[str, int | str] = field(default_factory=dict)
    """The settings given in the scenario; the server file has the defaults of all others."""
    budget: Budget = field(default_factory=Budget)
    load: Load = field(default_factory=Load)
    search: SearchBudget = field(default_factory=SearchBudget)
    slo: Slo | None = None
    app: AppSection | None = None
    """The user's own app, instead of a workload."""
    home: Path = Path()
    """The folder that the paths of ``app`` are relative to."""
    packages: tuple[str, ...] = ()
    """Requirements such as gunicorn==23.0.0, installed into a separate environment for the target."""


def read_scenario(path: Path, overrides: Iterable[str] = ()) -> Scenario:
    """Read a scenario file. ``overrides`` have the form ``section.key=value``, as on the command line.

    Raises UsageError, which names the file, the key, the given value and what is allowed.
    """
    return from_table(read_toml(path), name=path.stem, where=str(path), overrides=overrides, home=path.parent)


def read_toml(path: Path) -> Table:
    """The unchecked table of a TOML file. Raises UsageError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from error


def from_table(table: Table, *, name: str, where: str, overrides: Iterable[str] = (), home: Path = Path()) -> Scenario:
    """Build a scenario from a parsed table. With ``[app]``, the target may be empty. Raises UsageError."""
    for text in overrides:
        override(table, text)
    top = Keys(table, where, "")
    app = section(top, "app", AppSection, CHECKS, None)
    if app is not None and "workload" in table:
        raise UsageError(f"{where}: workload has no effect with [app], which is loaded by its path or locustfile")
    scenario = Scenario(
        name=name,
        target=top.take("target", _text, dataclasses.MISSING if app is None else ""),
        workload=top.take("workload", _text, WORKLOAD if app is None else app.workload),
        server=top.take("server", _settings, {}),
        budget=section(top, "budget", Budget, {"cpus": _at_least(1), "memory": _memory}, Budget()),
        load=_load(top),
        search=section(
            top,
            "search",
            SearchBudget,
            {"precision": _between(0.001, 0.5), "time_budget_s": _between(10, 86_400), "max_users": _at_least(2)},
            SearchBudget(),
        ),
        slo=section(top, "slo", Slo, {"latency": _latency, "error_rate": _between(0, 1)}, None),
        app=app,
        home=home,
        packages=top.take("packages", _texts, ()),
    )
    top.nothing_left()
    if scenario.slo is not None and scenario.load.model is Model.OPEN:
        raise UsageError(f"{where}: [slo] has no effect with model = 'open'; only a search finds the SLO rate")
    return scenario


def _load(top: Keys) -> Load:
    load: Load = section(
        top,
        "load",
        Load,
        {
            "model": _one_of(Model),
            "think_time_ms": _between(0, 3_600_000),
            "timeout_s": _between(0.1, 3600),
            "connections": _one_of(Connections),
            "close_delay_ms": _between(0, 60_000),
            "rate_rps": _between(0.1, 1_000_000),
            "arrivals": _one_of(Spacing),
            "seconds": _between(1, 86_400),
        },
        Load(),
    )
    default = Load()
    if load.model is Model.OPEN:
        if not load.rate_rps:
            raise UsageError(f"{top.where}: [load] model = 'open' needs rate_rps, the arrivals per second")
        unused = ["think_time_ms"]
    else:
        unused = ["rate_rps", "arrivals", "seconds"]
    for key in unused:
        if getattr(load, key) != getattr(default, key):
            raise UsageError(f"{top.where}: [load] {key} has no effect with model = '{load.model}'")
    return load


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise ValueError('must be a list of requirements, such as ["gunicorn==23.0.0"]')
    if any(item.startswith("-") for item in value):
        raise ValueError("must be requirements, not options")
    return tuple(value)


def _settings(value: object) -> dict[str, int | str]:
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    settings: dict[str, int | str] = {}
    for key, item in value.items():
        if isinstance(item, bool) or not isinstance(item, int | str):
            raise ValueError(f"{key} must be a whole number or text, not {item!r}")
        settings[key] = item
    return settings


def _at_least(low: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ValueError(f"must be a whole number of at least {low}")
        return value

    return check


def _between(low: float, high: float) -> Callable[[object], float]:
    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return check


def _one_of(kind: type[StrEnum]) -> Callable[[object], StrEnum]:
    def check(value: object) -> StrEnum:
        try:
            return kind(_text(value))
        except ValueError as error:
            raise ValueError(f"must be one of {', '.join(kind)}") from error

    return check


def _memory(value: object) -> int:
    match = _MEMORY.fullmatch(str(value)) if not isinstance(value, bool) else None
    size = int(match[1]) * _UNITS[match[2].lower()] if match else 0
    if size < 32 * 1024**2:
        raise ValueError('must be a size of at least 32 MiB, such as "512m" or "2g"')
    return size


def _latency(value: object) -> str:
    text = _text(value)
    parse_slo(text)
    return text
