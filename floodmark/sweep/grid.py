"""The axes of a sweep and the points they span. Pure."""

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
    """What an axis changes."""

    SETTING = "setting"
    """A setting of the server, which is free to choose."""
    BUDGET = "budget"
    CONDITION = "condition"
    """The workload or the load."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A scenario key that is varied, with its values as written."""

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
        """The short name if it is unambiguous: ``connections`` of the server, but ``load.connections`` of the load."""
        return self.key.partition(".")[2] if self.kind is not Kind.CONDITION else self.key


@dataclass(frozen=True, slots=True)
class Point:
    """A combination of values, one per axis."""

    axes: tuple[Axis, ...]
    values: tuple[str, ...]

    @property
    def overrides(self) -> list[str]:
        """The values in the form of ``--set``."""
        return [f"{axis.key}={value}" for axis, value in zip(self.axes, self.values, strict=True)]

    @property
    def choices(self) -> dict[str, str]:
        """Value by axis key."""
        return {axis.key: value for axis, value in zip(self.axes, self.values, strict=True)}

    @property
    def label(self) -> str:
        return " ".join(f"{axis.name}={value}" for axis, value in zip(self.axes, self.values, strict=True))


def axis(key: str, text: str, option: str) -> Axis:
    """Parse an axis from its comma-separated values. Raises UsageError."""
    values = tuple(part.strip() for part in text.split(","))
    if not all(values):
        raise UsageError(f"{option} {text!r}: must be comma-separated values, such as 1,2,4")
    if len(set(values)) < len(values):
        raise UsageError(f"{option} {text!r}: contains a value twice")
    return Axis(key, values)


def collect(given: Iterable[Axis]) -> tuple[list[Axis], list[str]]:
    """The axes that vary, and the overrides for those with one value. Raises UsageError if a key is given twice."""
    axes: list[Axis] = []
    fixed: list[str] = []
    keys: set[str] = set()
    for candidate in given:
        if candidate.key in keys:
            raise UsageError(f"{candidate.key} is given twice; list all its values in one option")
        keys.add(candidate.key)
        if len(candidate.values) > 1:
            axes.append(candidate)
        else:
            fixed.append(f"{candidate.key}={candidate.values[0]}")
    return axes, fixed


def default_axes(server: Server, taken: Iterable[str] = ()) -> list[Axis]:
    """The default axes for a server: the settings that its number of slots depends on, except the keys in ``taken``.

    Raises UsageError if there are none.
    """
    axes = []
    for name, candidates in DEFAULTS.items():
        setting = server.settings.get(name)
        if setting is None or name not in (server.slots or "").split() or f"server.{name}" in set(taken):
            continue
        low, high = setting.minimum or 0, setting.maximum
        allowed = tuple(v for v in candidates if low <= int(v) and (high is None or int(v) <= high))
        if len(allowed) > 1:
            axes.append(Axis(f"server.{name}", allowed))
    if not axes:
        raise UsageError(
            f"{server.name} has neither workers nor threads to vary; say what to sweep, such as "
            "--cpus 1,2, --workload io,cpu or --set server.SETTING=a,b"
        )
    return axes


def span(axes: Sequence[Axis]) -> list[Point]:
    """All combinations; the last axis varies fastest."""
    return [Point(tuple(axes), values) for values in itertools.product(*(axis.values for axis in axes))]


def shuffled(points: Sequence[Point], seed: int) -> list[Point]:
    """The points in random order, so that drift of the machine does not look like the effect of a setting."""
    order = list(points)
    random.Random(seed).shuffle(order)
    return order


def number(value: str) -> float | None:
    """A value as a number, including sizes such as ``128m``; None for a word."""
    match = _NUMBER.fullmatch(value)
    return float(match[1]) * _UNITS[match[2].lower()] if match else None
