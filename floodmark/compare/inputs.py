"""The inputs of a comparison: a run or a folder of runs, and the differences between two of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floodmark.errors import UsageError
from floodmark.results.document import plain
from floodmark.results.record import PROVENANCE, PaceRecord, RunRecord, Status
from floodmark.results.run import RunSummary, read_summary
from floodmark.verdict.difference import Value

HOST = ("machine", "cpu_model", "cpus", "memory_bytes")
Flat = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A run, with its place in a night if it has one."""

    run: RunSummary
    turn: int | None = None
    """The round in which both sides of a comparison were measured by turns."""

    @property
    def name(self) -> str:
        """The name of the setup in a night, else the scenario and the workload."""
        scenario, place = self.run.record.scenario, self.run.record.night
        return place.setup if place is not None else f"{scenario.name}-{scenario.workload}"

    @property
    def group(self) -> str:
        return self.run.record.scenario.workload

    @property
    def role(self) -> str:
        place = self.run.record.night
        return place.role if place is not None else "setup"

    @property
    def round(self) -> int | None:
        place = self.run.record.night
        return place.round if place is not None else self.turn

    @property
    def again(self) -> bool:
        """Whether it was measured again because of an alarm."""
        place = self.run.record.night
        return place is not None and place.again

    def value(self, metric: str) -> Value | None:
        """The valid value of a metric; None if it has none, or only a bound."""
        row = self.run.results.get(metric)
        if row is None or not row.valid or not isinstance(row.value, float) or row.value <= 0:
            return None
        lo, hi = row.in_run
        half = None if lo is None or hi is None else (hi - lo) / 2 / row.value
        return Value(value=row.value, half_width=half, round=self.round)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSet:
    """One side of a comparison: its runs, in order."""

    path: Path
    starts: tuple[Start, ...]

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(start.name for start in self.starts))

    def of(self, name: str) -> list[Start]:
        return [start for start in self.starts if start.name == name]

    def values(self, name: str, metric: str) -> list[Value]:
        """The valid values of a metric."""
        return [value for start in self.of(name) if (value := start.value(metric)) is not None]


def read_run_set(path: Path) -> RunSet:
    """Read a run, or every run in a folder. Raises UsageError if there is none."""
    if (path / PROVENANCE).is_file():
        return RunSet(path=path, starts=(read_start(path),))
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such folder")
    folders = sorted(p for p in path.iterdir() if (p / PROVENANCE).is_file())
    starts = [read_start(folder) for folder in folders]
    measured = tuple(s for s in starts if s.run.record.status is not Status.INTERRUPTED and not s.again)
    if not measured:
        raise UsageError(f"{path}: neither a run nor a folder of runs; the folder of a run contains {PROVENANCE}")
    return RunSet(path=path, starts=measured)


def read_start(folder: Path) -> Start:
    """Read one run. Raises UsageError."""
    return Start(run=read_summary(folder))


def by_turns(a: Sequence[Start], b: Sequence[Start]) -> bool:
    """Whether the starts of two sides took turns, so that a change of the machine hit both alike."""
    first, last = (sorted(start.run.record.started for start in side) for side in (a, b))
    return first[0] < last[-1] and last[0] < first[-1]


def typical_host_sd(starts: Sequence[Start]) -> float:
    """How much the machine's pace differs between occasions, relative; a default where a run does not say."""
    return statistics.fmean((start.run.record.pace or PaceRecord()).host_sd for start in starts)


def unlike(a: Start, b: Start) -> list[str]:
    """Differences that forbid comparing two runs, such as other hosts, backends or configurations, for people."""
    return _differences(likeness(a.run.record), likeness(b.run.record))


def notes(a: Start, b: Start) -> list[str]:
    """Other differences, which may be the subject of the comparison."""
    return _differences(_may_differ(a.run.record), _may_differ(b.run.record))


def likeness(record: RunRecord) -> Flat:
    """What must be equal for two runs to be comparable over nights."""
    scenario = {key: value for key, value in record.scenario.table.items() if key not in {"name", "search"}}
    generator = {"client": record.generator.client, "processes": record.generator.processes}
    return {
        **{f"host.{key}": getattr(record.host, key) for key in HOST},
        "backend": record.backend,
        **{f"cores.{key}": value for key, value in plain(record.cores).items()},
        "quick": record.quick,
        **({f"generator.{key}": value for key, value in generator.items()} if record.generator.client else {}),
        **dict(_flat(scenario)),
    }


def _may_differ(record: RunRecord) -> Flat:
    target = record.target
    return {
        "server version": target.version,
        "server's Python": target.python,
        "image": target.image_digest,
        "app": record.app_hash,
        **{f"search.{key}": value for key, value in plain(record.scenario.search).items()},
        "kernel": record.host.kernel,
        "Python": record.python,
        "floodmark": record.floodmark.short,
        **record.packages,
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
