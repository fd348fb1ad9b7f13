"""One side of a comparison: a run, or a folder of runs such as a night, and what makes it unlike another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floodmark.compare.ratio import Value
from floodmark.errors import UsageError
from floodmark.results.folder import read_facts
from floodmark.results.schema import PROVENANCE, RESULTS, Result
from floodmark.results.table import read_table

HOST = ("machine", "cpu_model", "cpus", "memory_bytes")
Flat = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One run of a side. name: setup in a night, or scenario and workload. again: measured because of an alarm."""

    name: str
    group: str
    role: str
    round: int | None
    again: bool
    facts: Mapping[str, Any]
    results: Mapping[str, Result]

    @property
    def run_id(self) -> str:
        return str(self.facts["run_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """All runs of a side, in order."""

    path: Path
    starts: tuple[Start, ...]

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(start.name for start in self.starts))

    def of(self, name: str) -> list[Start]:
        return [start for start in self.starts if start.name == name]

    def values(self, name: str, metric: str) -> list[Value]:
        """Valid values of one metric; a censored one is none."""
        return [value for start in self.of(name) if (value := value_of(start, metric)) is not None]


def value_of(start: Start, metric: str) -> Value | None:
    """A run's valid value of a metric."""
    row = start.results.get(metric)
    if row is None or not row.valid or not isinstance(row.value, float) or row.value <= 0:
        return None
    half = None if row.lo is None or row.hi is None else (row.hi - row.lo) / 2 / row.value
    return Value(value=row.value, half_width=half, round=start.round)


def read_side(path: Path) -> Side:
    """A run, or every run in a folder. Raises UsageError where there is none."""
    if (path / PROVENANCE).is_file():
        return Side(path=path, starts=(read_start(path),))
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such folder")
    folders = sorted(p for p in path.iterdir() if (p / PROVENANCE).is_file())
    starts = [read_start(folder) for folder in folders]
    measured = tuple(s for s in starts if s.facts.get("status") != "interrupted" and not s.again)
    if not measured:
        raise UsageError(f"{path}: neither a run nor a folder of runs; a run's folder holds {PROVENANCE}")
    return Side(path=path, starts=measured)


def read_start(folder: Path) -> Start:
    """One run. Raises UsageError."""
    facts = read_facts(folder)
    rows = read_table(folder / RESULTS, Result) if (folder / RESULTS).is_file() else []
    scenario = facts["scenario"]
    place = facts.get("night") or {}
    return Start(
        name=str(place.get("setup") or f"{scenario['name']}-{scenario['workload']}"),
        group=str(scenario["workload"]),
        role=str(place.get("role", "setup")),
        round=place.get("round"),
        again=bool(place.get("again", False)),
        facts=facts,
        results={row.metric: row for row in rows},
    )


def unlike(a: Start, b: Start) -> list[str]:
    """What forbids comparing two runs: other hosts, backends, configurations. Readable, one difference each."""
    return _differences(_must_match(a.facts), _must_match(b.facts))


def notes(a: Start, b: Start) -> list[str]:
    """What else differs, and may be what the comparison is about."""
    return _differences(_may_differ(a.facts), _may_differ(b.facts))


def likeness(facts: Mapping[str, Any]) -> Flat:
    """What must be equal for two runs to be of one series."""
    return _must_match(facts)


def _must_match(facts: Mapping[str, Any]) -> Flat:
    generator = facts.get("generator") or {}
    scenario = {key: value for key, value in facts["scenario"].items() if key not in {"name", "search"}}
    return {
        **{f"host.{key}": facts["host"].get(key) for key in HOST},
        "backend": facts["backend"],
        **{f"cores.{key}": value for key, value in facts["cores"].items()},
        "quick": facts["quick"],
        **{f"generator.{key}": generator[key] for key in ("client", "processes") if key in generator},
        **dict(_flat(scenario)),
    }


def _may_differ(facts: Mapping[str, Any]) -> Flat:
    target, floodmark = facts["target"], facts["floodmark"]
    return {
        "server version": target.get("version"),
        "server's Python": target.get("python"),
        "image": target.get("image_digest"),
        "app": facts.get("app_hash"),
        **{f"search.{key}": value for key, value in facts["scenario"]["search"].items()},
        "kernel": facts["host"].get("kernel"),
        "Python": facts.get("python"),
        "floodmark": f"{floodmark.get('version')} {str(floodmark.get('git_sha'))[:7]}",
        **dict(facts.get("packages", {}).items()),
    }


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _differences(a: Flat, b: Flat) -> list[str]:
    keys = list(dict.fromkeys([*a, *b]))
    return [f"{key}: {a.get(key)} against {b.get(key)}" for key in keys if a.get(key) != b.get(key)]
