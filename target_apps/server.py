"""A server as it is declared: how it starts, which settings it has, how many requests it should hold at
once, and how its *effective* configuration is read back from inside the running process.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from target_apps.formula import evaluate

Value = int | str


class CatalogError(ValueError):
    """A server file, a server name or a setting that cannot be used; the text says which and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One knob of a server."""

    name: str
    default: Value
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    help: str = ""

    def check(self, value: object, where: str) -> Value:
        """Return ``value`` as this setting takes it, or raise CatalogError."""
        if isinstance(self.default, int):
            if isinstance(value, bool) or not isinstance(value, int):
                raise CatalogError(f"{where}: {self.name} = {value!r} is not a whole number")
            low = self.minimum if self.minimum is not None else value
            high = self.maximum if self.maximum is not None else value
            if not low <= value <= high:
                allowed = f"{self.minimum} to {self.maximum}" if self.maximum is not None else f"at least {low}"
                raise CatalogError(f"{where}: {self.name} = {value} is out of range; allowed is {allowed}")
            return value
        if not isinstance(value, str) or (self.choices and value not in self.choices):
            allowed = ", ".join(self.choices) or "any text"
            raise CatalogError(f"{where}: {self.name} = {value!r} is not allowed; allowed: {allowed}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """How the configuration in force is found inside the running process.

    ``object`` names a class (``package.module:Class``) of which the process holds one live instance, or a
    module; ``read`` maps a fact's name to an attribute path on it; ``expect`` maps a fact to the value the
    declaration promises, a literal or ``{setting}``.
    """

    object: str
    read: Mapping[str, str]
    expect: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server as its file declares it."""

    name: str
    title: str
    distribution: str
    needs: tuple[str, ...]
    mend: str
    command: tuple[str, ...]
    stop_signal: signal.Signals
    settings: Mapping[str, Setting]
    slots: str | None
    processes: str | None
    connections: str | None
    keepalive: bool
    read_back: ReadBack
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def resolve(self, chosen: Mapping[str, object], where: str = "[server]") -> dict[str, Value]:
        """All settings, defaults filled in.

        Raises CatalogError for a setting this server does not have or cannot take.
        """
        for name in chosen:
            if name not in self.settings:
                hint = did_you_mean(name, self.settings)
                known = ", ".join(self.settings) or "none"
                raise CatalogError(f"{where}: {self.name} has no setting {name!r}{hint}; it has: {known}")
        return {
            name: setting.check(chosen.get(name, setting.default), where) for name, setting in self.settings.items()
        }

    def nominal_slots(self, settings: Mapping[str, Value]) -> int | None:
        """Requests this server should run at once by its own arithmetic; None when it sets no limit."""
        return None if self.slots is None else evaluate(self.slots, settings)

    def expected_processes(self, settings: Mapping[str, Value]) -> int | None:
        """Long-lived processes that run the app; None when they come and go with the requests."""
        return None if self.processes is None else evaluate(self.processes, settings)

    def connection_cap(self, settings: Mapping[str, Value]) -> int | None:
        """Connections held at once, idle ones included; None when there is no limit."""
        return None if self.connections is None else evaluate(self.connections, settings)

    def expectations(self, settings: Mapping[str, Value]) -> dict[str, Value]:
        """What the running server must report for the declared ``settings``."""
        return {fact: _fill_value(value, settings) for fact, value in self.read_back.expect.items()}

    def argv(self, settings: Mapping[str, Value], *, host: str, port: int, app: str, root: Path) -> list[str]:
        """The command that starts the server, its executable resolved.

        Raises CatalogError when the executable is not installed.
        """
        places: dict[str, object] = {
            **settings,
            "python": sys.executable,
            "prefix": sys.prefix,
            "host": host,
            "port": port,
            "bind": f"{host}:{port}",
            "app": app,
            "root": root,
        }
        words = [word.format_map(places) for word in self.command]
        executable = find_executable(words[0])
        if executable is None:
            raise CatalogError(f"{self.name}: {words[0]} is not installed; {self.mend}")
        return [executable, *words[1:]]

    def missing(self) -> str | None:
        """Why this server cannot start with this interpreter; None when it can."""
        for need in self.needs:
            if need.startswith("bin:"):
                if find_executable(need.removeprefix("bin:")) is None:
                    return f"the program {need.removeprefix('bin:')} is not installed"
            else:
                try:
                    importlib.metadata.version(need)
                except importlib.metadata.PackageNotFoundError:
                    return f"the package {need} is not installed"
        return None

    def version(self) -> str | None:
        """The installed version of what serves, e.g. gunicorn's."""
        for name in self.distribution.split("|"):
            try:
                return importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return None


def find_executable(name: str) -> str | None:
    """A program's path, the running interpreter's own folder first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return shutil.which(name, path=path)


def _fill_value(value: Value, settings: Mapping[str, Value]) -> Value:
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return settings[value[1:-1]]
    return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
