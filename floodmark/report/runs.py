"""Collects the runs of a report: the latest of each setting by workload, with earlier ones as its history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from floodmark.errors import UsageError
from floodmark.report.cells import settings
from floodmark.report.ranks import Place, places
from floodmark.results.document import plain
from floodmark.results.record import PROVENANCE, RunRecord, read_record
from floodmark.results.run import Run, read_results
from floodmark.results.schema import RESULTS, STEPS, Result
from floodmark.results.table import read_table
from floodmark.verdict.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier run of the same setting."""

    run_id: str
    started: str
    ceiling: Result | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A server with its settings, under a workload."""

    name: str
    number: int
    """Selects its colour and shape in all charts."""
    run: Run
    place: Place | None = None
    earlier: tuple[Earlier, ...] = ()

    @property
    def record(self) -> RunRecord:
        return self.run.record


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """All servers measured with a workload, highest ceiling first."""

    name: str
    subjects: tuple[Subject, ...]

    def tied_with(self, subject: Subject) -> list[str]:
        return [self.subjects[index].name for index in subject.place.tied] if subject.place else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """All runs of a report."""

    workloads: tuple[Workload, ...]
    left_out: tuple[str, ...] = ()
    """Why folders could not be read."""

    @property
    def subjects(self) -> list[Subject]:
        return [subject for workload in self.workloads for subject in workload.subjects]


def collect(paths: Sequence[Path], progress: Callable[[int, int], object] = lambda done, of: None) -> Collection:
    """Read the runs in ``paths``: folders of a run, or folders of such folders.

    ``progress`` is called with the number of runs read so far and in all. Raises UsageError if a folder given in
    ``paths`` cannot be read; runs found inside other folders are then left out with a reason.
    """
    folders, left_out = _folders(paths), list[str]()
    groups: dict[tuple[str, str], list[tuple[Path, RunRecord]]] = {}
    for path, named in folders.items():
        try:
            record = read_record(path)
        except UsageError as error:
            if named:
                raise
            left_out.append(str(error))
            continue
        key = (record.scenario.workload, f"{record.config_hash} {_machine(record)}")
        groups.setdefault(key, []).append((path, record))
    reader = _Reader(sum(map(len, groups.values())), progress, left_out)
    by_workload: dict[str, list[tuple[Run, tuple[Earlier, ...]]]] = {}
    for (workload, _), runs in groups.items():
        *before, (path, record) = sorted(runs, key=lambda run: (run[1].started, run[1].run_id))
        newest = Run(path=path, record=record, visits=reader.visits(path), results=reader.results(path))
        history = tuple(
            Earlier(run_id=old.run_id, started=old.started, ceiling=reader.results(older).get("ceiling_rps"))
            for older, old in before
        )
        by_workload.setdefault(workload, []).append((newest, history))
    if not by_workload:
        raise UsageError(f"no run could be read; the first folder: {left_out[0]}" if left_out else _nothing(paths))
    return Collection(
        workloads=tuple(_workload(name, by_workload[name]) for name in sorted(by_workload)), left_out=tuple(left_out)
    )


def _nothing(paths: Sequence[Path]) -> str:
    folders = ", ".join(map(str, paths))
    return f"no run in {folders}; give the folder of a run, or a folder of such folders (floodmark run makes them)"


def _folders(paths: Sequence[Path]) -> dict[Path, bool]:
    """The folder of every run, and whether it was given itself. Raises UsageError."""
    folders: dict[Path, bool] = {}
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path}: there is no such folder; give the folder of a run, or a folder of such folders")
        if (path / PROVENANCE).is_file():
            folders[path.resolve()] = True
            continue
        for pattern in (f"*/{PROVENANCE}", f"*/*/{PROVENANCE}"):
            for facts in sorted(path.glob(pattern)):
                folders.setdefault(facts.parent.resolve(), False)
    if not folders:
        raise UsageError(_nothing(paths))
    return folders


class _Reader:
    """Reads tables, some of which may be missing if a run was killed."""

    def __init__(self, total: int, progress: Callable[[int, int], object], left_out: list[str]) -> None:
        self._total, self._progress, self._left_out = total, progress, left_out
        self._done = 0

    def visits(self, path: Path) -> list[Visit]:
        try:
            return read_table(path / STEPS, Visit)
        except UsageError as error:
            self._left_out.append(str(error))
            return []

    def results(self, path: Path) -> dict[str, Result]:
        self._done += 1
        self._progress(self._done, self._total)
        if not (path / RESULTS).is_file():
            self._left_out.append(f"{path.name}: no {RESULTS}; `floodmark verdict` recomputes it from the other files")
            return {}
        try:
            return read_results(path)
        except UsageError as error:
            self._left_out.append(str(error))
            return {}


def _workload(name: str, runs: Sequence[tuple[Run, tuple[Earlier, ...]]]) -> Workload:
    ordered = sorted(runs, key=lambda run: _highest_first(run[0]))
    names = names_apart([run.record for run, _ in ordered])
    ranks = places([run.results.get("ceiling_rps") for run, _ in ordered])
    return Workload(
        name=name,
        subjects=tuple(
            Subject(name=unique_name, number=number, run=run, place=place, earlier=history)
            for number, ((run, history), unique_name, place) in enumerate(zip(ordered, names, ranks, strict=True))
        ),
    )


def _highest_first(run: Run) -> tuple[bool, float, str]:
    row = run.get("ceiling_rps")
    value = row.value if isinstance(row.value, float) and row.valid else row.lo
    return not row.valid, -(value or 0.0), run.run_id


def _machine(record: RunRecord) -> str:
    """The machine of a run. Runs on other machines are not part of its history."""
    cores = record.cores
    return f"{record.host.cpu_model}, CPUs {len(cores.target)}+{len(cores.generator)}"


def names_apart(records: Sequence[RunRecord]) -> list[str]:
    """The names of the scenarios, with whatever is needed to make them unique."""
    details: list[Callable[[RunRecord], str]] = [
        lambda r: r.target.server,
        settings,
        lambda r: f"backend {r.backend}",
        lambda r: " ".join(f"{key}={value}" for key, value in plain(r.scenario.load).items() if value),
        _machine,
        lambda r: "quick" if r.quick else "",
        lambda r: r.config_hash[:6],
    ]
    names = [r.scenario.name for r in records]
    added: list[list[str]] = [[] for _ in records]
    for detail in details:
        keys = [(name, *words) for name, words in zip(names, added, strict=True)]
        for number, key in enumerate(keys):
            distinct = {detail(r) for r, other in zip(records, keys, strict=True) if other == key}
            if len(distinct) > 1 and detail(records[number]):
                added[number].append(detail(records[number]))
    return [f"{name} ({', '.join(words)})" if words else name for name, words in zip(names, added, strict=True)]
