"""The rows of every file of a run, as dataclasses: field order is column order, None is an empty cell."""

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
    """One second of a run, load side and target side joined on time: the row of timeline.csv.

    t_s: seconds from the start of the load. server_started, server_finished: requests the probe counted in
    this second. reconnects: requests sent again because the server had closed the idle connection before it could
    read them. app_inflight_mean: requests inside the app, time average; waiting_in_server, waiting_in_kernel: the
    others in flight, accepted or not.
    """

    run_id: str | None = None
    t_s: int
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
    gen_cpu_max: float | None = None
    loop_lag_max_ms: float | None = None
    server_started: int | None = None
    server_finished: int | None = None
    app_inflight_mean: float | None = None
    app_inflight_max: int | None = None
    cpu_cores: float | None = None
    cpu_proc_max: float | None = None
    rss_bytes: int | None = None
    steal: float | None = None
    waiting_in_server: float | None = None
    waiting_in_kernel: float | None = None
    listen_queue_max: int | None = None
    connections: float | None = None
    throttled_share: float | None = None
    neighbour_cores: float | None = None
    runq_cores: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """One process of the app in one visit: the row of processes.csv. pid: as the app sees it."""

    visit: int = field(metadata={"column": "step"})
    pid: int
    cpu_cores: float | None
    finished: float
    app_inflight_mean: float
    app_ms_mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketCount:
    """One bucket of one visit's latency histogram: the row of histograms.csv."""

    visit: int = field(metadata={"column": "step"})
    kind: str
    bucket_lo_ms: float
    bucket_hi_ms: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One metric of a run: the row of results.csv.

    value: a number or a verdict's word; empty when not measured. lo, hi: its interval at ``level``; a
    censored value has lo only.
    """

    run_id: str | None = None
    metric: str
    value: float | str | None = None
    lo: float | None = None
    hi: float | None = None
    unit: str = ""
    level: float | None = None
    method: str = ""
    n_visits: int | None = None
    valid: bool = True
    reason: str = ""


RowType = TypeVar("RowType", bound="DataclassInstance")


def columns(kind: type[DataclassInstance]) -> list[str]:
    """Column names of a row type."""
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
    """A row from text cells. Raises UsageError naming ``where`` for a cell that does not fit."""
    values: dict[str, Any] = {}
    for name, column, parse, optional in _cells_of(kind):
        text = cells.get(column)
        if text is None and optional:
            continue  # written before there was such a column
        if text is None:
            raise UsageError(f"{where}: there is no column {column}; it was not written by this version of floodmark")
        try:
            values[name] = parse(text)
        except ValueError as error:
            raise UsageError(f"{where}: {column} = {text!r} does not fit") from error
    return kind(**values)


@cache
def _cells_of(kind: type[DataclassInstance]) -> Sequence[tuple[str, str, Callable[[str], object], bool]]:
    """Of each field: its name, its column, what parses a cell, and whether the column may be missing."""
    hints = typing.get_type_hints(kind)
    return [
        (f.name, _column(f), _parser(_alternatives(hints[f.name])), f.default is not dataclasses.MISSING)
        for f in dataclasses.fields(kind)
    ]


def _alternatives(hint: Any) -> tuple[type, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _parser(kinds: tuple[type, ...]) -> Callable[[str], object]:
    """What ``_parse`` does for these types; as most columns have but one, without asking at every cell."""
    known = [kind for kind in kinds if kind is not types.NoneType]
    if len(known) > 1 or known[0] not in {int, float}:
        return lambda text: _parse(text, kinds)
    one = known[0]
    return one if len(kinds) == 1 else lambda text: None if text == "" else one(text)


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
