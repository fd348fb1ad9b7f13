"""Shows the table of ``floodmark hostile``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from floodmark.hostile.row import HostileRow
from floodmark.report.tables import stdout, table

COLUMNS = (
    "server",
    "hostile",
    "others are",
    "answered",
    "p50 ms",
    "max ms",
    "without: p50, max",
    "throughput kept",
    "served again s",
    "in app",
    "in kernel",
    "why",
)


def show(rows: Sequence[HostileRow], path: Path) -> None:
    """Print the table and the path of its file."""
    out = stdout()
    rendered = table(*COLUMNS)
    for row in rows:
        rendered.add_row(
            row.server,
            f"{row.hostile} {row.kind}",
            row.effect,
            f"{row.answered_share:.0%}",
            _ms(row.p50_ms),
            _ms(row.max_ms),
            f"{_ms(row.base_p50_ms)}, {_ms(row.base_max_ms)}",
            f"{row.kept:.0%}",
            "not yet" if row.served_again_s is None else f"{row.served_again_s:.2f}",
            str(row.in_app),
            str(row.in_kernel),
            row.note,
        )
    out.print(rendered)
    out.print(f"{path}", highlight=False)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
