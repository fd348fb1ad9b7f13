"""Benchmark rows as CSV, with where and when they were measured."""

from __future__ import annotations

import csv
import dataclasses
import json
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, get_type_hints


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of a benchmark's rows."""


Row = TypeVar("Row", bound=Record)


def write(path: Path, kind: type[Row], rows: Sequence[Row], note: str = "") -> None:
    """Write ``path`` and, beside it, ``.json`` with the provenance and a note on it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in dataclasses.fields(kind)])
        writer.writerows(dataclasses.astuple(row) for row in rows)
    path.with_suffix(".json").write_text(
        json.dumps({**provenance(), **({"note": note} if note else {})}, indent=2) + "\n", encoding="utf-8"
    )


def read(path: Path, kind: type[Row]) -> list[Row]:
    """The rows of ``path``."""
    hints = get_type_hints(kind)
    with path.open(newline="", encoding="utf-8") as file:
        return [
            kind(**{name: _parse(text, hints[name]) for name, text in cells.items()}) for cells in csv.DictReader(file)
        ]


def _parse(text: str, hint: Any) -> str | int | float | None:
    if hint is str:
        return text
    if hint is int:
        return int(text)
    return float(text) if text else None


def provenance() -> dict[str, str | int]:
    """Where and when this was measured."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model,
        "cores": len([line for line in _lines("/proc/cpuinfo") if line.startswith("processor")]),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": _commit(),
        **{
            name: version(name)
            for name in ("floodmark", "locust", "gevent", "geventhttpclient", "httptools", "requests")
        },
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _commit() -> str:
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip()
