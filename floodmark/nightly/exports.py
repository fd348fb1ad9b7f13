"""Exports histories of nights: as Parquet, and as CSV with a configuration for Apache Otava."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from floodmark.compare.enums import Finding
from floodmark.errors import UsageError
from floodmark.nightly.files import METRICS, NightRow
from floodmark.results.schema import columns
from floodmark.results.table import WriteError, write_text

OTAVA = "otava.yaml"


def write_parquet(path: Path, rows: Sequence[NightRow]) -> None:
    """Write the rows of nights.csv as Parquet. Raises UsageError if pyarrow is not installed."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError("--parquet needs pyarrow: pip install 'floodmark[parquet]'") from error
    kinds = {"float": arrow.float64(), "int": arrow.int64(), "bool": arrow.bool_()}
    fields = NightRow.__dataclass_fields__
    schema = arrow.schema([(name, kinds.get(str(fields[name].type).split(" ")[0], arrow.string())) for name in fields])
    table = arrow.table({name: [_plain(getattr(row, name)) for row in rows] for name in columns(NightRow)}, schema)
    temporary = path.with_name(f".{path.name}.part")
    try:
        parquet.write_table(table, temporary)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WriteError(f"cannot write {path}: {error.strerror}") from error


def _plain(value: object) -> object:
    return str(value) if isinstance(value, str) else value


def write_otava(folder: Path, rows: Sequence[NightRow]) -> list[Path]:
    """Write a wide CSV per setup and one configuration for all. Raises WriteError.

    A night without a verdict gets no row, because Otava would fill it with the values of the night before.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write {folder}: {error.strerror}") from error
    written, tests = [], ["tests:"]
    for setup in sorted({row.setup for row in rows}):
        text = _wide([row for row in rows if row.setup == setup])
        if text.count("\n") < 2:
            continue
        path = folder / f"{setup}.csv"
        write_text(path, text)
        written.append(path)
        tests += [f"  {setup}:", "    type: csv", f"    file: {path.resolve()}", "    time_column: time"]
        tests += ["    attributes: [night]", "    metrics:"]
        for metric, less_is_better in METRICS.items():
            tests += [
                f"      {metric}:",
                f"        column: {metric}",
                f"        direction: {-1 if less_is_better else 1}",
            ]
    write_text(folder / OTAVA, "\n".join(tests) + "\n")
    return [*written, folder / OTAVA]


def _wide(rows: Sequence[NightRow]) -> str:
    """A row per night in which every metric has a verdict."""
    nights: dict[str, dict[str, NightRow]] = {}
    for row in rows:
        if row.value is not None and row.finding is not Finding.NO_VERDICT:
            nights.setdefault(row.night, {})[row.metric] = row
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time", "night", *METRICS])
    for night, by_metric in nights.items():
        if len(by_metric) == len(METRICS):
            values = [format(by_metric[metric].value or 0.0, ".9g") for metric in METRICS]
            writer.writerow([next(iter(by_metric.values())).started, night, *values])
    return text.getvalue()
