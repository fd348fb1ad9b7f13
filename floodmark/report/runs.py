"""Which runs a report is of: the newest of each setting, by workload, and those before it as its history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floodmark.errors import UsageError
from floodmark.report.cells import Verdict, settings
from floodmark.report.ranks import Place, places
from floodmark.results.folder import StoredRun, read_facts
from floodmark.results.schema import PROVENANCE, RESULTS, STEPS, Result
from floodmark.results.table import read_table
from floodmark.verdict.visit import Visit

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A run that a newer one of the same setting has replaced."""

    run_id: str
    started: str
    ceiling: Result | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One server as it was set, under one workload. number: its look in every chart."""

    name: str
    number: int
    verdict: Verdict
    place: Place | None = None
    earlier: tuple[Earlier, ...] = ()

    @property
    def run(self) -> StoredRun:
        return self.verdict.run

    @property
    def facts(self) -> Facts:
        return self.verdict.run.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """All servers that met one workload, highest ceiling first."""

    name: str
    subjects: tuple[Subject, ...]

    def tied_with(self, subject: Subject) -> list[str]:
        return [self.subjects[index].name for index in subject.place.tied] if subject.place else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What was found. left_out: folders that could not be read, and why."""

    workloads: tuple[Workload, ...]
    left_out: tuple[str, ...] = ()

    @property
    def subjects(self) -> list[Subject]:
        return [subject for workload in self.workloads for subject in workload.subjects]


def collect(paths: Sequence[Path], told: Callable[[int, int], object] = lambda done, of: None) -> Collection:
    """Read runs: folders of one, or folders of such folders. ``told``: called with how many of how many are read.

    A folder named that cannot be read is an error; one found below a folder is left out with its reason.
    Raises UsageError.
    """
    folders, left_out = _folders(paths), []
    groups: dict[tuple[str, str], list[tuple[Path, Facts]]] = {}
    for path, named in folders.items():
        try:
            facts = read_facts(path)
            key = (str(facts["scenario"]["workload"]), f"{facts['config_hash']} {_machine(facts)}")
        except UsageError as error:
            if named:
                raise
            left_out.append(str(error))
            continue
        groups.setdefault(key, []).append((path, facts))
    read = _Reader(sum(map(len, groups.values())), told, left_out)
    found: dict[str, list[tuple[Verdict, tuple[Earlier, ...]]]] = {}
    for (workload, _), runs in groups.items():
        *before, (path, facts) = sorted(runs, key=lambda run: (str(run[1]["started"]), str(run[1]["run_id"])))
        newest = Verdict(StoredRun(path=path, facts=facts, visits=read.visits(path)), read.results(path))
        history = tuple(
            Earlier(
                run_id=str(old["run_id"]),
                started=str(old["started"]),
                ceiling=read.results(older).get("ceiling_rps"),
            )
            for older, old in before
        )
        found.setdefault(workload, []).append((newest, history))
    if not found:
        raise UsageError(f"no run could be read; the first folder: {left_out[0]}" if left_out else _nothing(paths))
    return Collection(workloads=tuple(_workload(name, found[name]) for name in sorted(found)), left_out=tuple(left_out))


def _nothing(paths: Sequence[Path]) -> str:
    where = ", ".join(map(str, paths))
    return f"no run in {where}; give the folder of a run, or a folder of such folders (floodmark run makes them)"


def _folders(paths: Sequence[Path]) -> dict[Path, bool]:
    """Every run's folder once, and whether it was named itself. Raises UsageError."""
    found: dict[Path, bool] = {}
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path}: there is no such folder; give the folder of a run, or a folder of such folders")
        if (path / PROVENANCE).is_file():
            found[path.resolve()] = True
            continue
        for pattern in (f"*/{PROVENANCE}", f"*/*/{PROVENANCE}"):
            for facts in sorted(path.glob(pattern)):
                found.setdefault(facts.parent.resolve(), False)
    if not found:
        raise UsageError(_nothing(paths))
    return found


class _Reader:
    """Reads tables that may be missing: of a run that was killed, some are."""

    def __init__(self, total: int, told: Callable[[int, int], object], left_out: list[str]) -> None:
        self._total, self._told, self._left_out = total, told, left_out
        self._done = 0

    def visits(self, path: Path) -> list[Visit]:
        try:
            return read_table(path / STEPS, Visit)
        except UsageError as error:
            self._left_out.append(str(error))
            return []

    def results(self, path: Path) -> dict[str, Result]:
        self._done += 1
        self._told(self._done, self._total)
        if not (path / RESULTS).is_file():
            self._left_out.append(f"{path.name}: no {RESULTS}; `floodmark verdict` makes it from the other files")
            return {}
        try:
            return {row.metric: row for row in read_table(path / RESULTS, Result)}
        except UsageError as error:
            self._left_out.append(str(error))
            return {}


def _workload(name: str, runs: Sequence[tuple[Verdict, tuple[Earlier, ...]]]) -> Workload:
    ordered = sorted(runs, key=lambda run: _highest_first(run[0]))
    names = names_apart([verdict.run.facts for verdict, _ in ordered])
    found = places([verdict.metrics.get("ceiling_rps") for verdict, _ in ordered])
    return Workload(
        name=name,
        subjects=tuple(
            Subject(name=called, number=number, verdict=verdict, place=place, earlier=history)
            for number, ((verdict, history), called, place) in enumerate(zip(ordered, names, found, strict=True))
        ),
    )


def _highest_first(verdict: Verdict) -> tuple[bool, float, str]:
    row = verdict.get("ceiling_rps")
    value = row.value if isinstance(row.value, float) and row.valid else row.lo
    return not row.valid, -(value or 0.0), verdict.run.run_id


def _machine(facts: Facts) -> str:
    """What a run is not compared across: a run elsewhere is no earlier one of this."""
    cores = facts["cores"]
    return f"{facts['host']['cpu_model']}, CPUs {len(cores['target'])}+{len(cores['generator'])}"


def names_apart(facts: Sequence[Facts]) -> list[str]:
    """The scenario's name, and as much more as tells the runs apart."""
    tellers: list[Callable[[Facts], str]] = [
        lambda f: str(f["target"]["server"]),
        settings,
        lambda f: f"backend {f['backend']}",
        lambda f: " ".join(f"{key}={value}" for key, value in f["scenario"].get("load", {}).items() if value),
        _machine,
        lambda f: "quick" if f.get("quick") else "",
        lambda f: str(f["config_hash"])[:6],
    ]
    names = [str(f["scenario"]["name"]) for f in facts]
    more: list[list[str]] = [[] for _ in facts]
    for tell in tellers:
        keys = [(name, *words) for name, words in zip(names, more, strict=True)]
        for number, key in enumerate(keys):
            alike = {tell(f) for f, other in zip(facts, keys, strict=True) if other == key}
            if len(alike) > 1 and tell(facts[number]):
                more[number].append(tell(facts[number]))
    return [f"{name} ({', '.join(words)})" if words else name for name, words in zip(names, more, strict=True)]
