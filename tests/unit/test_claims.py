"""The claims of docs/servers.md: their verdicts follow the rows, whichever way these fall."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from docs import claims
from docs.claims import CLAIMS, Verdict, find, section, table
from floodmark.concurrency.row import ConcurrencyRow
from floodmark.results.table import write_table


def row(name: str, most: int, least: int | None = None, **fields: object) -> ConcurrencyRow:
    server, *settings = name.split()
    made = ConcurrencyRow(
        server=server,
        version="1.0",
        settings=" ".join([*settings, "backlog=2048"]),
        nominal_slots=most,
        max_inflight=most,
        mean_inflight=float(most),
        per_process=str(most),
        waiting_in_server=0,
        waiting_in_kernel=64 - most,
        burst_s=1.0,
        ideal_s=1.0,
        errors="",
        min_of_max=most if least is None else least,
        kept_burst_s=1.0,
        reused=1.0,
        clients=64,
        hold_ms=100,
        waves=6,
        note="as it is",
    )
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


ROWS = [
    row("flask-single", 1),
    row("flask-threaded", 64),
    row("gunicorn-sync workers=4 threads=1", 4),
    row("gunicorn-gthread workers=1 threads=4", 4),
    row("gunicorn-gthread workers=2 threads=4", 8, waiting_in_server=56, waiting_in_kernel=0),
    row("gunicorn-gthread workers=4 threads=4", 14, 10),
    row("gunicorn-gevent workers=1", 64),
    row("uwsgi workers=2 threads=4", 8),
    row("waitress threads=4", 4, waiting_in_server=60, waiting_in_kernel=0),
]


def verdict(part: str, rows: list[ConcurrencyRow]) -> Verdict:
    (claim,) = [claim for claim in CLAIMS if part in claim.said]
    return claim.against(rows)[1]


def changed(name: str, **fields: object) -> list[ConcurrencyRow]:
    wanted = find(ROWS, name)
    assert wanted is not None
    return [dataclasses.replace(r, **fields) if r is wanted else r for r in ROWS]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "expected", "other_rows", "other"),
    [
        ("single-threaded", Verdict.FALSE, changed("flask-threaded", max_inflight=1, min_of_max=1), Verdict.TRUE),
        ("fire off threads", Verdict.FALSE, changed(claims.SYNC_4, max_inflight=9), Verdict.TRUE),
        ("2 processes", Verdict.TRUE, changed(claims.TWO_BY_4, min_of_max=7), Verdict.PARTLY),
        ("2 processes", Verdict.TRUE, changed(claims.UWSGI, max_inflight=7), Verdict.FALSE),
        ("4 workers with 4", Verdict.PARTLY, changed(claims.FOUR_BY_4, max_inflight=16, min_of_max=16), Verdict.TRUE),
        ("gevent holds", Verdict.TRUE, changed(claims.GEVENT, min_of_max=50), Verdict.FALSE),
        ("refused or fail", Verdict.FALSE, changed(claims.UWSGI, errors="3 refused, 1 stale"), Verdict.PARTLY),
        ("Recv-Q", Verdict.FALSE, [], Verdict.OPEN),
        ("handles one request", Verdict.FALSE, [], Verdict.OPEN),
        ("It depends", Verdict.PARTLY, [], Verdict.OPEN),
    ],
)
def test_a_verdict_follows_the_rows(
    part: str, expected: Verdict, other_rows: list[ConcurrencyRow], other: Verdict
) -> None:
    assert verdict(part, ROWS) is expected
    assert verdict(part, other_rows) is other


def test_a_kept_connection_found_closed_is_no_request_turned_away() -> None:
    assert verdict("refused or fail", changed(claims.UWSGI, errors="3 stale")) is Verdict.FALSE


def test_the_section_holds_every_claim_every_row_and_where_they_were_measured(tmp_path: Path) -> None:
    write_table(tmp_path / "concurrency.csv", ConcurrencyRow, ROWS)
    facts = {
        "started": "2026-11-21T10:00:00Z",
        "backend": "process",
        "host": {"cpu_model": "A CPU", "cpus": 2, "kernel": "6.1"},
        "floodmark": {"version": "0.1", "git_sha": "0123456789"},
    }
    (tmp_path / "concurrency.json").write_text(json.dumps(facts))
    text = section(tmp_path)
    assert all(claim.said in text.replace("\\", "") for claim in CLAIMS)
    assert text.count("as it is") == len(ROWS)
    assert "Measured 2026-11-21" in text
    assert "A CPU" in text
    assert Verdict.OPEN not in table(ROWS)
