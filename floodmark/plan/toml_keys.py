"""Reads the keys of a TOML table one by one, checks them, and rejects unknown ones."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from floodmark.errors import UsageError

Table = dict[str, Any]
"""A parsed but unchecked TOML table."""


def override(table: Table, text: str) -> None:
    """Apply ``section.key=value`` from the command line to a table. Raises UsageError."""
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts) or len(parts) > 2:
        raise UsageError(f"--set {text!r}: must be section.key=value, such as server.workers=4")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for part in parts[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise UsageError(f"--set {text!r}: {part} is not a section")
        table = inner
    table[parts[-1]] = parsed


class Keys:
    """Takes keys from a table and keeps track of those that are left."""

    def __init__(self, table: object, where: str, section: str) -> None:
        self.place = f"{where}: [{section}]" if section else f"{where}:"
        if not isinstance(table, dict):
            raise UsageError(f"{self.place} must be a table, not {table!r}")
        self.where = where
        self._left = dict(table)
        self._known: list[str] = []

    def take(self, key: str, check: Callable[[Any], Any], default: Any = dataclasses.MISSING) -> Any:
        self._known.append(key)
        if key not in self._left:
            if default is dataclasses.MISSING:
                raise UsageError(f"{self.place} {key} is missing")
            return default
        value = self._left.pop(key)
        try:
            return check(value)
        except ValueError as error:
            raise UsageError(f"{self.place} {key} = {value!r}: {error}") from error

    def nothing_left(self) -> None:
        for key in self._left:
            close = difflib.get_close_matches(key, self._known, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise UsageError(f"{self.place} unknown key {key!r}{hint}; allowed: {', '.join(self._known)}")


def section(top: Keys, name: str, kind: type, checks: Mapping[str, Callable[[Any], Any]], default: Any) -> Any:
    def read(table: object) -> Any:
        keys = Keys(table, top.place.rstrip(":"), name)
        values = {f.name: keys.take(f.name, checks[f.name], f.default) for f in dataclasses.fields(kind)}
        keys.nothing_left()
        return kind(**values)

    return top.take(name, read, default)
