"""Benchmark tables as CSV, with where and when they were measured beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from floodmark.results.provenance import host_record, software
from floodmark.results.schema import RowType
from floodmark.results.table import write_table, write_text

RESULTS = Path(__file__).parent / "results"
"""The committed tables."""
CLIENTS = ("geventhttpclient", "requests")
"""What Locust's own clients are built on."""


def write(path: Path, kind: type[RowType], rows: Sequence[RowType], **facts: object) -> None:
    """Write ``path`` and, beside it, ``.json`` with the provenance and what else is said of the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, kind, rows)
    said = {name: value for name, value in facts.items() if value != ""}
    write_text(path.with_suffix(".json"), json.dumps({**provenance(), **said}, indent=2) + "\n")


def facts_of(path: Path) -> Mapping[str, Any]:
    """What stands beside a table."""
    facts: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return facts


def provenance() -> dict[str, str | int | None]:
    """Where and when this was measured, and with what."""
    host, used = host_record(), software()
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": host.cpu_model,
        "cores": host.cpus,
        "kernel": host.kernel,
        "python": used.python,
        "commit": commit(),
        "floodmark": used.floodmark.version,
        **used.packages,
        **{name: version(name) for name in CLIENTS},
    }


def commit() -> str:
    """What is measured, as git calls it."""
    revision = software().floodmark
    return f"{str(revision.git_sha)[:7]}{'-dirty' if revision.dirty else ''}"


def where(name: str) -> str:
    """When, on what and with what a committed table was measured, in one sentence."""
    facts = facts_of(RESULTS / name)
    return (
        f"\nMeasured {facts['time'][:10]} on {facts['cpu']}, {facts['cores']} CPUs, Linux {facts['kernel']}, "
        f"Python {facts['python']}, Locust {facts['locust']}, floodmark {facts['commit']}."
        + (f" {facts['note']}." if "note" in facts else "")
    )
