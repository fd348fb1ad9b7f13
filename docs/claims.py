"""What people say about concurrent requests to a Flask app, against what `floodmark concurrency` measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from floodmark.concurrency.row import CONCURRENCY, ConcurrencyRow
from floodmark.report.markdown import escape
from floodmark.results.table import read_table

PLACE = "claims"
COLUMNS = (
    "server",
    "settings",
    "slots",
    "in the app, max",
    "mean",
    "in each process",
    "waiting in server",
    "in kernel",
    "burst, s",
    "kept, s",
    "ideal, s",
    "what it means",
)


class Verdict(StrEnum):
    """Of a claim, by the rows that bear on it."""

    TRUE = "true"
    FALSE = "false"
    PARTLY = "only in part"
    OPEN = "not measured"


Finding = tuple[str, Verdict]


@dataclass(frozen=True, slots=True)
class Claim:
    """said: as people put it. servers: whose rows bear on it, all of which ``judge`` is given, in this order."""

    said: str
    servers: tuple[str, ...]
    judge: Callable[[Sequence[ConcurrencyRow]], Finding]

    def against(self, rows: Sequence[ConcurrencyRow]) -> Finding:
        """What was measured, and the verdict."""
        found = {name: find(rows, name) for name in self.servers}
        absent = [name for name, row in found.items() if row is None]
        if absent:
            return f"no row for {', '.join(absent)}", Verdict.OPEN
        return self.judge([row for row in found.values() if row is not None])


def _most(row: ConcurrencyRow) -> str:
    return str(row.max_inflight) if row.min_of_max == row.max_inflight else f"{row.min_of_max} to {row.max_inflight}"


def _whether(verdict: bool, measured: str) -> Finding:
    return measured, Verdict.TRUE if verdict else Verdict.FALSE


def _dev_server(rows: Sequence[ConcurrencyRow]) -> Finding:
    threaded, single = rows
    said = (
        f"as started by default, a thread per request: {_most(threaded)} at once; with threaded=False {_most(single)}"
    )
    return _whether(threaded.max_inflight == 1, said)


def _fire_off_threads(rows: Sequence[ConcurrencyRow]) -> Finding:
    (sync,) = rows
    return _whether(sync.max_inflight > 4, f"{_most(sync)} at once in 4 sync workers, one in each; the others wait")


def _two_by_four(rows: Sequence[ConcurrencyRow]) -> Finding:
    said = "; ".join(f"{row.server} {_most(row)}" for row in rows)
    if any(row.max_inflight != 8 for row in rows):
        return said, Verdict.FALSE
    return said, Verdict.TRUE if all(row.min_of_max == 8 for row in rows) else Verdict.PARTLY


def _four_by_four(rows: Sequence[ConcurrencyRow]) -> Finding:
    (gthread,) = rows
    said = (
        f"{_most(gthread)} at once, {gthread.mean_inflight:.1f} on average; 64 requests took {gthread.burst_s:.1f} s "
        f"where 16 busy slots take {gthread.ideal_s:.1f} s"
    )
    return said, Verdict.TRUE if gthread.min_of_max == 16 else Verdict.PARTLY


def _one_at_a_time(rows: Sequence[ConcurrencyRow]) -> Finding:
    single, gthread, waitress, gevent = rows
    said = (
        f"in one process: {_most(single)} with flask-single, {_most(gthread)} with gthread of 4 threads, "
        f"{_most(waitress)} with waitress of 4, {_most(gevent)} with gevent"
    )
    return _whether(max(row.max_inflight for row in rows) == 1, said)


def _it_depends(rows: Sequence[ConcurrencyRow]) -> Finding:
    least, most = min(rows, key=lambda r: r.max_inflight), max(rows, key=lambda r: r.max_inflight)
    said = (
        f"the server and its settings decide: the same app on the same single CPU holds {least.max_inflight} "
        f"({least.server}) to {most.max_inflight} ({most.server}) waiting requests; cores and memory do not come in "
        "until the app computes"
    )
    return said, Verdict.PARTLY if most.max_inflight > least.max_inflight else Verdict.TRUE


def _turned_away(rows: Sequence[ConcurrencyRow]) -> Finding:
    turned = [row for row in rows if row.errors.replace("stale", "").strip(" ,0123456789")]
    if turned:
        return "; ".join(f"{row.server}: {row.errors}" for row in turned), Verdict.PARTLY
    return f"of {rows[0].clients} at once every one was answered, at {len(rows)} servers; they wait", Verdict.FALSE


def _recv_q(rows: Sequence[ConcurrencyRow]) -> Finding:
    said = "; ".join(
        f"{row.server}: {row.waiting_in_server} wait in the server, {row.waiting_in_kernel} in the kernel"
        for row in rows
    )
    inside = [row for row in rows if row.waiting_in_server > row.waiting_in_kernel]
    return _whether(not inside, said)


def _many_in_one(rows: Sequence[ConcurrencyRow]) -> Finding:
    (gevent,) = rows
    every = gevent.min_of_max == gevent.clients
    return _whether(every, f"{_most(gevent)} of {gevent.clients} at once, as long as they wait and do not compute")


DEV, DEV_SINGLE = "flask-threaded", "flask-single"
SYNC_4, ONE_BY_4, TWO_BY_4, FOUR_BY_4 = (
    "gunicorn-sync workers=4",
    "gunicorn-gthread workers=1 threads=4",
    "gunicorn-gthread workers=2 threads=4",
    "gunicorn-gthread workers=4 threads=4",
)
GEVENT, UWSGI, WAITRESS = "gunicorn-gevent", "uwsgi workers=2 threads=4", "waitress threads=4"

CLAIMS = (
    Claim("The dev server is single-threaded: one request at a time.", (DEV, DEV_SINGLE), _dev_server),
    Claim(
        "A single Flask process handles one request at a time.",
        (DEV_SINGLE, ONE_BY_4, WAITRESS, GEVENT),
        _one_at_a_time,
    ),
    Claim(
        "4 (sync) workers can handle more than 4 requests, because they fire off threads.", (SYNC_4,), _fire_off_threads
    ),
    Claim("2 processes with 4 threads each: 8 requests at once.", (TWO_BY_4, UWSGI), _two_by_four),
    Claim("4 workers with 4 threads each: 16 requests at once.", (FOUR_BY_4,), _four_by_four),
    Claim("gevent holds every request at once in one worker.", (GEVENT,), _many_in_one),
    Claim(
        "Requests beyond the slots are refused or fail.", (DEV_SINGLE, SYNC_4, TWO_BY_4, UWSGI, WAITRESS), _turned_away
    ),
    Claim("An empty accept queue (Recv-Q 0) means that nobody waits.", (SYNC_4, UWSGI, TWO_BY_4, WAITRESS), _recv_q),
    Claim(
        "It depends on web server, operating system, CPU cores and RAM.",
        (DEV_SINGLE, SYNC_4, TWO_BY_4, UWSGI, WAITRESS, GEVENT),
        _it_depends,
    ),
)


def table(rows: Sequence[ConcurrencyRow]) -> str:
    """The claims as a Markdown table."""
    lines = ["| claim | measured | verdict |", "|---|---|---|"]
    for claim in CLAIMS:
        measured, verdict = claim.against(rows)
        lines.append(f"| “{escape(claim.said)}” | {escape(measured)} | **{verdict}** |")
    return "\n".join(lines)


def find(rows: Sequence[ConcurrencyRow], name: str) -> ConcurrencyRow | None:
    """The first row of ``server [setting=value ...]``."""
    server, *settings = name.split()
    return next((r for r in rows if r.server == server and set(settings) <= set(r.settings.split())), None)


def rows_table(rows: Sequence[ConcurrencyRow]) -> str:
    """Every row, as Markdown."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        wanted = {"workers", "threads", "processes"}
        cells = [
            row.server,
            " ".join(word for word in row.settings.split() if word.split("=")[0] in wanted),
            "no limit" if row.nominal_slots is None else str(row.nominal_slots),
            str(row.max_inflight),
            f"{row.mean_inflight:.1f}",
            row.per_process if len(row.per_process) <= 24 else f"{row.per_process[:20]} ...",
            str(row.waiting_in_server),
            str(row.waiting_in_kernel),
            f"{row.burst_s:.2f}",
            "" if row.kept_burst_s is None else f"{row.kept_burst_s:.2f}",
            f"{row.ideal_s:.2f}",
            row.note,
        ]
        lines.append(f"| {' | '.join(escape(cell) for cell in cells)} |")
    return "\n".join(lines)


def section(folder: Path) -> str:
    """What docs/servers.md says of the run kept in ``folder``."""
    rows = read_table(folder / CONCURRENCY, ConcurrencyRow)
    return f"\n{table(rows)}\n\n{measured(folder)} Every row of that run:\n\n{rows_table(rows)}\n\n"


def measured(folder: Path) -> str:
    """When, where and with what the run kept in ``folder`` was measured, as a sentence."""
    rows = read_table(folder / CONCURRENCY, ConcurrencyRow)
    facts: dict[str, Any] = json.loads((folder / CONCURRENCY).with_suffix(".json").read_text(encoding="utf-8"))
    host = facts["host"]
    return (
        f"Measured {facts['started'][:10]} by `floodmark concurrency`: {rows[0].clients} requests at once that hold "
        f"the app for {rows[0].hold_ms} ms each; {host['cpu_model']}, {host['cpus']} CPUs, 1 of them "
        f"the target's; backend {facts['backend']}; Linux {host['kernel']}; floodmark {facts['floodmark']['version']} "
        f"({str(facts['floodmark']['git_sha'])[:7]})."
    )
