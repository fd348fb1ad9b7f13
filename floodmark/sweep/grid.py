"""Axes of a sweep and the points they span. Pure."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from floodmark.errors import UsageError
from target_apps.server import Server

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "workers": ("1", "2", "4"),
    "threads": ("1", "4", "8"),
    "processes": ("2", "4", "8"),
}
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class Kind(StrEnum):
    """What an axis changes: a setting one is free to choose, the budget, or what is asked of the server."""

    SETTING = "setting"
    BUDGET = "budget"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that is varied, by its scenario key, and its values as they are written there."""

    key: str
    values: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        match self.key.partition(".")[0]:
            case "server":
                return Kind.SETTING
            case "budget":
                return Kind.BUDGET
            case _:
                return Kind.CONDITION

    @property
    def name(self) -> str:
        """Short where that is unmistakable: ``connections`` is the server's, ``load.connections`` the load's."""
        return self.key.partition(".")[2] if self.kind is not Kind.CONDITION else self.key


@dataclass(frozen=True, slots=True)
class Point:
    """One combination: a value, as written, for every axis."""

    axes: tuple[Axis, ...]
    values: tuple[str, ...]

    @property
    def overrides(self) -> list[str]:
        """As for ``--set``."""
        return [f"{axis.key}={value}" for axis, value in zip(self.axes, self.values, strict=True)]

    @property
    def choices(self) -> dict[str, str]:
        """Value by the axis's key."""
        return {axis.key: value for axis, value in zip(self.axes, self.values, strict=True)}

    @property
    def label(self) -> str:
        return " ".join(f"{axis.name}={value}" for axis, value in zip(self.axes, self.values, strict=True))


def axis(key: str, text: str, option: str) -> Axis:
    """An axis from its comma-separated values. Raises UsageError."""
    values = tuple(part.strip() for part in text.split(","))
    if not all(values):
        raise UsageError(f"{option} {text!r}: must be values with commas between them, such as 1,2,4")
    if len(set(values)) < len(values):
        raise UsageError(f"{option} {text!r}: a value stands there twice")
    return Axis(key, values)


def collect(given: Iterable[Axis]) -> tuple[list[Axis], list[str]]:
    """Axes that vary, and the overrides of those that have one value. Raises UsageError for a key given twice."""
    axes: list[Axis] = []
    fixed: list[str] = []
    seen: set[str] = set()
    for one in given:
        if one.key in seen:
            raise UsageError(f"{one.key} is given twice; name all its values in one place")
        seen.add(one.key)
        if len(one.values) > 1:
            axes.append(one)
        else:
            fixed.append(f"{one.key}={one.values[0]}")
    return axes, fixed


def default_axes(server: Server, taken: Iterable[str] = ()) -> list[Axis]:
    """What is worth varying of a server that says nothing else: the settings its number of slots is made from.

    taken: keys that have been given. Raises UsageError where nothing is left.
    """
    axes = []
    for name, wanted in DEFAULTS.items():
        setting = server.settings.get(name)
        if setting is None or name not in (server.slots or "").split() or f"server.{name}" in set(taken):
            continue
        low, high = setting.minimum or 0, setting.maximum
        allowed = tuple(v for v in wanted if low <= int(v) and (high is None or int(v) <= high))
        if len(allowed) > 1:
            axes.append(Axis(f"server.{name}", allowed))
    if not axes:
        raise UsageError(
            f"{server.name} has neither workers nor threads to vary; say what to sweep, such as "
            "--cpus 1,2, --workload io,cpu or --set server.SETTING=a,b"
        )
    return axes


def span(axes: Sequence[Axis]) -> list[Point]:
    """Every combination, the last axis moving first."""
    return [Point(tuple(axes), values) for values in itertools.product(*(one.values for one in axes))]


def shuffled(points: Sequence[Point], seed: int) -> list[Point]:
    """In random order, so that a drift of the machine does not look like an effect of a setting."""
    order = list(points)
    random.Random(seed).shuffle(order)
    return order


def number(value: str) -> float | None:
    """A value as a number, sizes such as ``128m`` included; None for a word."""
    match = _NUMBER.fullmatch(value)
    return float(match[1]) * _UNITS[match[2].lower()] if match else None
