"""Shows the table of ``floodmark concurrency``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from floodmark.concurrency.row import ConcurrencyRow
from floodmark.report.tables import stdout, table

COLUMNS = (
    "server",
    "settings",
    "slots",
    "in app, max",
    "mean",
    "per process",
    "in server",
    "in kernel",
    "burst s",
    "kept s",
    "ideal s",
    "errors",
    "what it means",
)


def document(row: ConcurrencyRow) -> dict[str, object]:
    """A row for JSON."""
    return {**dataclasses.asdict(row), "per_process": [int(n) for n in row.per_process.split()]}


def show(rows: Sequence[ConcurrencyRow], path: Path) -> None:
    """Print the table and the path of its file."""
    out = stdout()
    rendered = table(*COLUMNS)
    for row in rows:
        settings = [
            setting for setting in row.settings.split() if setting.split("=")[0] in {"workers", "threads", "processes"}
        ]
        rendered.add_row(
            row.server,
            " ".join(settings),
            "no limit" if row.nominal_slots is None else str(row.nominal_slots),
            str(row.max_inflight),
            f"{row.mean_inflight:.1f}",
            row.per_process if len(row.per_process) <= 24 else f"{row.per_process[:20]} ...",
            str(row.waiting_in_server),
            str(row.waiting_in_kernel),
            f"{row.burst_s:.2f}",
            "" if row.kept_burst_s is None else f"{row.kept_burst_s:.2f}",
            f"{row.ideal_s:.2f}",
            row.errors,
            row.note,
        )
    out.print(rendered)
    out.print(f"{path}", highlight=False)
