"""The rows of all files of a run as dataclasses: field order is column order, None is an empty cell."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from floodmark.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

STEPS = "steps.csv"
TIMELINE = "timeline.csv"
HISTOGRAMS = "histograms.csv"
PROCESSES = "processes.csv"
RESULTS = "results.csv"
RUNS = "runs.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """A second of a run, with the load side and the target side joined on time: a row of timeline.csv."""

    run_id: str | None = None
    t_s: int
    """Seconds from the start of the load."""
    time: str
    visit: int | None = None
    phase: str | None = None
    users: int | None = None
    good: int = 0
    errors: int = 0
    error_refused: int = 0
    error_timeout: int = 0
    error_reset: int = 0
    error_http: int = 0
    error_body: int = 0
    inflight_mean: float | None = None
    r_mean_ms: float | None = None
    r_p50_ms: float | None = None
    r_max_ms: float | None = None
    connections_opened: int | None = None
    reconnects: int | None = None
    """Requests sent again because the server had closed their idle connection before reading them."""
    gen_cpu_max: float | None = None
    loop_lag_max_ms: float | None = None
    server_started: int | None = None
    """Requests that entered the app in this second, as counted by the probe."""
    server_finished: int | None = None
    """Requests that left the app in this second, as counted by the probe."""
    app_inflight_mean: float | None = None
    """Requests inside the app, time average."""
    app_inflight_max: int | None = None
    cpu_cores: float | None = None
    cpu_proc_max: float | None = None
    rss_bytes: int | None = None
    steal: float | None = None
    waiting_in_server: float | None = None
    """Other requests in flight, on accepted connections."""
    waiting_in_kernel: float | None = None
    """Other requests in flight, on connections not accepted yet."""
    listen_queue_max: int | None = None
    connections: float | None = None
    throttled_share: float | None = None
    neighbour_cores: float | None = None
    runq_cores: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """A process of the app in one visit: a row of processes.csv."""

    visit: int = field(metadata={"column": "step"})
    pid: int
    """As the app itself sees it."""
    cpu_cores: float | None
    finished: float
    app_inflight_mean: float
    app_ms_mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketCount:
    """A bucket of a visit's latency histogram: a row of histograms.csv."""

    visit: int = field(metadata={"column": "step"})
    kind: str
    bucket_lo_ms: float
    bucket_hi_ms: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A metric of a run: a row of results.csv."""

    run_id: str | None = None
    metric: str
    value: float | str | None = None
    """A number, or a word of the verdict; None if not measured."""
    lo: float | None = None
    """``lo`` and ``hi`` bound the interval at ``level``. A censored value has ``lo`` only. For what depends on the
    machine's speed, the interval is that of this machine on another day."""
    hi: float | None = None
    unit: str = ""
    level: float | None = None
    method: str = ""
    n_visits: int | None = None
    valid: bool = True
    reason: str = ""
    lo_run: float | None = None
    """``lo_run`` and ``hi_run`` bound the narrower interval of this run alone, where there are two."""
    hi_run: float | None = None

    @property
    def in_run(self) -> tuple[float | None, float | None]:
        """The bounds of the interval of this run alone. They compare what was measured in one sitting."""
        return (self.lo, self.hi) if self.lo_run is None else (self.lo_run, self.hi_run)


RowType = TypeVar("RowType", bound="DataclassInstance")


def columns(kind: type[DataclassInstance]) -> list[str]:
    """The column names of a row type."""
    return [_column(field) for field in dataclasses.fields(kind)]


def _column(field: dataclasses.Field[Any]) -> str:
    """The column of a field: its name, unless its metadata says otherwise."""
    return str(field.metadata.get("column", field.name))


def to_cells(row: DataclassInstance) -> list[str]:
    """A row as text cells."""
    return [_cell(getattr(row, field.name)) for field in dataclasses.fields(row)]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case float():
            return format(value, ".9g")
        case _:
            return str(value)


def from_cells(kind: type[RowType], cells: Mapping[str, str], where: str) -> RowType:
    """A row from text cells. Raises UsageError, naming ``where``, if a cell is missing or invalid."""
    values: dict[str, Any] = {}
    for name, column, parse, optional in _cells_of(kind):
        text = cells.get(column)
        if text is None and optional:
            continue  # written before this column existed
        if text is None:
            raise UsageError(f"{where}: no column {column}; the file was not written by this version of floodmark")
        try:
            values[name] = parse(text)
        except ValueError as error:
            raise UsageError(f"{where}: {column} = {text!r} is not a valid value") from error
    return kind(**values)


@cache
def _cells_of(kind: type[DataclassInstance]) -> Sequence[tuple[str, str, Callable[[str], object], bool]]:
    """For each field its name, its column, the parser of a cell, and whether the column may be missing."""
    hints = typing.get_type_hints(kind)
    return [
        (f.name, _column(f), _parser(_alternatives(hints[f.name])), f.default is not dataclasses.MISSING)
        for f in dataclasses.fields(kind)
    ]


def _alternatives(hint: Any) -> tuple[type, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _parser(kinds: tuple[type, ...]) -> Callable[[str], object]:
    """A parser equal to ``_parse`` for these types, with a fast path for plain numbers."""
    types_of_value = [kind for kind in kinds if kind is not types.NoneType]
    if len(types_of_value) > 1 or types_of_value[0] not in {int, float}:
        return lambda text: _parse(text, kinds)
    number = types_of_value[0]
    return number if len(kinds) == 1 else lambda text: None if text == "" else number(text)


def _parse(text: str, kinds: tuple[type, ...]) -> object:
    if text == "" and types.NoneType in kinds:
        return None
    for kind in kinds:
        if kind is types.NoneType:
            continue
        try:
            return _parse_one(text, kind)
        except ValueError:
            if kind is kinds[-1] or (kinds[-1] is types.NoneType and kind is kinds[-2]):
                raise
    raise ValueError(text)


def _parse_one(text: str, kind: type) -> object:
    if kind is bool:
        if text not in {"0", "1"}:
            raise ValueError(text)
        return text == "1"
    if kind in {int, float} or issubclass(kind, StrEnum):
        return kind(text)
    return text
