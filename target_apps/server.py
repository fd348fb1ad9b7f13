"""A server as declared in its file: its command, its settings, its slots, and how its configuration is read back."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from target_apps.formula import evaluate

Value = int | str
READABLE_BY_ALL = "readable-by-all"


class CatalogError(ValueError):
    """An invalid server file, server name or setting. The message says which, and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of a server."""

    name: str
    default: Value
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    help: str = ""

    def check(self, value: object, where: str) -> Value:
        """Return ``value`` if this setting accepts it, else raise CatalogError."""
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
class Reading:
    """Where to read a fact in the running process."""

    object: str
    """``package.module:Class`` for its only live instance, ``package.module:function()`` for the local variables of a
    call in progress, or ``package.module`` for the module itself."""
    path: str
    """A path of attributes and keys on the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """How the configuration in force is read inside the running process, and what it must be."""

    read: Mapping[str, Reading]
    """Where to read each fact."""
    expect: Mapping[str, Value]
    """The expected value of facts: a literal or ``{setting}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server is started."""

    host: str
    port: int
    app: str
    """``module:callable``."""
    root: Path
    """The folder that contains ``target_apps``."""
    scratch: Path
    """A folder for its files while it runs."""

    def names(self) -> dict[str, object]:
        """What a server file can use in braces, besides its settings."""
        module, _, attribute = self.app.partition(":")
        return {
            "python": sys.executable,
            "prefix": sys.prefix,
            "host": self.host,
            "port": self.port,
            "bind": f"{self.host}:{self.port}",
            "app": self.app,
            "module": module,
            "callable": attribute,
            "root": self.root,
            "scratch": self.scratch,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server as declared in its file. docs/extending.md explains the keys."""

    name: str
    title: str
    distribution: str
    needs: tuple[str, ...]
    fix: str
    """What to do if one of ``needs`` is missing."""
    command: tuple[str, ...]
    stop_signal: signal.Signals
    settings: Mapping[str, Setting]
    slots: str | None
    """``slots``, ``processes`` and ``connections`` are formulas over the settings; None means unlimited."""
    processes: str | None
    connections: str | None
    keepalive: bool
    read_back: ReadBack
    environment: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=dict)
    """Options of the command, with the first version that has them."""
    notes: tuple[str, ...] = ()

    def resolve(self, chosen: Mapping[str, object], where: str = "[server]") -> dict[str, Value]:
        """All settings, with defaults filled in.

        Raises CatalogError for a setting that this server does not have, or a value that it does not accept.
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
        """How many requests this server should run at once by its settings; None if unlimited."""
        return None if self.slots is None else evaluate(self.slots, settings)

    def expected_processes(self, settings: Mapping[str, Value]) -> int | None:
        """The number of long-lived processes that run the app; None if they come and go with the requests."""
        return None if self.processes is None else evaluate(self.processes, settings)

    def connection_cap(self, settings: Mapping[str, Value]) -> int | None:
        """How many connections it holds at once, including idle ones; None if unlimited."""
        return None if self.connections is None else evaluate(self.connections, settings)

    def expectations(self, settings: Mapping[str, Value]) -> dict[str, Value]:
        """What the running server must report for the declared ``settings``."""
        return {fact: _fill_value(value, settings) for fact, value in self.read_back.expect.items()}

    def argv(self, settings: Mapping[str, Value], place: Place) -> list[str]:
        """The command that starts the server, with the path of its executable.

        Raises CatalogError if the executable is not installed.
        """
        arguments = [word.format_map({**settings, **place.names()}) for word in self.command]
        executable = find_executable(arguments[0])
        if executable is None:
            raise CatalogError(f"{self.name}: {arguments[0]} is not installed; {self.fix}")
        return [executable, *arguments[1:]]

    def variables(self, settings: Mapping[str, Value], place: Place) -> dict[str, str]:
        """The environment variables of the server."""
        return {name: text.format_map({**settings, **place.names()}) for name, text in self.environment.items()}

    def known_options(self, command: Iterable[str]) -> list[str]:
        """The command without the options that the installed version does not have yet."""
        version = self.version()
        unknown = {word for word, first in self.since.items() if version and _numbers(version) < _numbers(first)}
        return [word for word in command if word not in unknown]

    def missing(self) -> str | None:
        """Why this server cannot start with this interpreter; None if it can."""
        reasons = map(_lacking, self.needs)
        return next((reason for reason in reasons if reason is not None), None)

    def version(self) -> str | None:
        """The installed version of the server, such as gunicorn's."""
        for name in self.distribution.split("|"):
            try:
                return importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return None


def _lacking(need: str) -> str | None:
    """Why one need is not met: ``bin:PROGRAM``, ``readable-by-all``, or a package."""
    if need.startswith("bin:"):
        program = need.removeprefix("bin:")
        return None if find_executable(program) else f"the program {program} is not installed"
    if need == READABLE_BY_ALL:
        closed = _closed_to_others(Path(sys.executable).resolve()) if os.geteuid() == 0 else None
        return None if closed is None else f"started by root it becomes another user, who cannot enter {closed}"
    try:
        importlib.metadata.version(need)
    except importlib.metadata.PackageNotFoundError:
        return f"the package {need} is not installed"
    return None


def _closed_to_others(path: Path) -> Path | None:
    return next((folder for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH), None)


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparison."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def find_executable(name: str) -> str | None:
    """The path of a program, searched first in the folder of the running interpreter."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return shutil.which(name, path=path)


def _fill_value(value: Value, settings: Mapping[str, Value]) -> Value:
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return settings[value[1:-1]]
    return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name; empty if none is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
