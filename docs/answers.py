"""The README's first screen: how many requests at once, what people say about it, and a real verdict in words."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from docs.claims import CLAIMS as ALL_CLAIMS
from docs.claims import DEV, DEV_SINGLE, FOUR_BY_4, GEVENT, SYNC_4, TWO_BY_4, UWSGI, WAITRESS, Verdict, find, measured
from floodmark.concurrency.row import CONCURRENCY, ConcurrencyRow
from floodmark.report import terminal
from floodmark.report.markdown import escape
from floodmark.results.run import Run
from floodmark.results.table import read_table

SHOWN = "gthread"
"""The scenario whose verdict is shown in words."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to start the app. name: its row in concurrency.csv."""

    command: str
    name: str


SETTINGS = (
    Setting("flask run", DEV),
    Setting("flask run --without-threads", DEV_SINGLE),
    Setting("gunicorn -w 4", SYNC_4),
    Setting("gunicorn -w 2 --threads 4", TWO_BY_4),
    Setting("gunicorn -w 4 --threads 4", FOUR_BY_4),
    Setting("gunicorn -k gevent", GEVENT),
    Setting("uwsgi --processes 2 --threads 4", UWSGI),
    Setting("waitress-serve --threads=4", WAITRESS),
)
CLAIMS = (
    "The dev server is single-threaded: one request at a time.",
    "4 (sync) workers can handle more than 4 requests, because they fire off threads.",
    "2 processes with 4 threads each: 8 requests at once.",
    "Requests beyond the slots are refused or fail.",
)
"""Of docs/servers.md, those that are repeated most."""


def at_once(folder: Path) -> str:
    """How many requests are truly inside the app at once, for the common settings."""
    rows = read_table(folder / CONCURRENCY, ConcurrencyRow)
    lines = ["| started as | requests at once | the others wait | 64 requests of 100 ms took |", "|---|---:|---|---:|"]
    for setting in SETTINGS:
        row = find(rows, setting.name)
        if row is None:
            continue
        lines.append(f"| `{setting.command}` | **{_at_once(row)}** | {_where(row)} | {row.burst_s:.1f} s |")
    return "\n".join([*lines, "", measured(folder)])


def _at_once(row: ConcurrencyRow) -> str:
    if row.nominal_slots is None or row.nominal_slots > row.clients:
        return f"no limit: {row.max_inflight} of {row.clients}"
    if row.min_of_max == row.max_inflight:
        return str(row.max_inflight)
    return f"{row.min_of_max} to {row.max_inflight}, uneven"


def _where(row: ConcurrencyRow) -> str:
    if not row.waiting_in_server and not row.waiting_in_kernel:
        return "nobody waits"
    return "in the server" if row.waiting_in_server > row.waiting_in_kernel else "in the kernel's accept queue"


def claims(folder: Path) -> str:
    """What people say, and what was measured."""
    rows = read_table(folder / CONCURRENCY, ConcurrencyRow)
    lines = ["| people say | measured | |", "|---|---|---|"]
    for claim in ALL_CLAIMS:
        if claim.said in CLAIMS:
            measured, verdict = claim.against(rows)
            word = f"**{verdict}**" if verdict is not Verdict.OPEN else str(verdict)
            lines.append(f"| “{escape(claim.said)}” | {escape(measured)} | {word} |")
    return "\n".join(lines)


def verdict(runs: Sequence[Run]) -> str:
    """The verdict of one stored run, as the terminal prints it."""
    run = next(run for run in runs if run.record.scenario.name == SHOWN)
    text = io.StringIO()
    terminal.show(Console(file=text, width=118, color_system=None, soft_wrap=False), run)
    lines = [line.rstrip() for line in text.getvalue().strip("\n").splitlines()]
    return "\n".join(["```", "$ make scenario-gthread", *lines[:-1], "```"])
