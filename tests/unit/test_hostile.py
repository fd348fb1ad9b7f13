"""Hostile clients: what others got as figures, figures as words, and the words on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from floodmark.commands.hostile import parse_kinds
from floodmark.errors import UsageError
from floodmark.hostile.row import (
    Asked,
    Conditions,
    Evidence,
    HostileRow,
    Kind,
    Observation,
    Service,
    Word,
    explain,
    judge,
    row,
    serve,
    served_again_s,
)
from floodmark.hostile.workload import parse_counts
from floodmark.plan.planned_run import plan_server
from floodmark.results.table import read_table, write_table


def service(
    rate_rps: float = 80.0, p50_ms: float | None = 50.0, asked: int = 100, answered: int = 100, first_s: float = 0.05
) -> Service:
    return Service(
        asked=asked,
        answered=answered,
        p50_ms=p50_ms,
        max_ms=p50_ms,
        rate_rps=rate_rps,
        first_s=first_s if answered else None,
        errors={},
    )


BASE = service()
NOBODY = service(0.0, 3000.0, 4, 0)


def test_a_window_counts_what_was_answered_in_it_and_what_waited_through_it() -> None:
    asked = [
        Asked(user=0, sent=9.9, answered=10.1),
        Asked(user=0, sent=10.1, answered=10.2),
        Asked(user=1, sent=10.0, answered=10.5, error="status 500"),
        Asked(user=1, sent=10.6, answered=13.2),  # after the window, having waited long
        Asked(user=2, sent=10.2),  # never
        Asked(user=3, sent=12.9),  # too young to be held against the server
        Asked(user=3, sent=12.95, answered=13.1),
    ]
    found = serve(asked, 10.0, 13.0)
    assert (found.asked, found.answered, found.errors) == (5, 2, {"status 500": 1})
    assert found.share == 0.4
    assert found.max_ms == pytest.approx(2800)
    assert found.p50_ms == pytest.approx((200 + 2400) / 2)
    assert found.rate_rps == pytest.approx(2 / 3)
    assert found.first_s == pytest.approx(0.1)
    assert serve([], 10.0, 13.0).share == 0.0


def test_everybody_must_be_served_again() -> None:
    asked = [
        Asked(user=0, sent=1.0, answered=9.9),
        Asked(user=0, sent=9.9, answered=10.4),
        Asked(user=0, sent=10.4, answered=10.8),
        Asked(user=1, sent=1.0, answered=10.2, error="status 500"),
    ]
    assert served_again_s(asked, 10.0, 1) == pytest.approx(0.4)
    assert served_again_s(asked, 10.0, 2) is None
    assert served_again_s([*asked, Asked(user=1, sent=10.3, answered=11.0)], 10.0, 2) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("found", "alive", "word", "times"),
    [
        (service(), True, Word.UNHARMED, 1.0),
        (service(70.0, 60.0), True, Word.UNHARMED, 1.2),
        (service(40.0, 50.0), True, Word.SLOWED, 2.0),
        (service(60.0, 250.0), True, Word.SLOWED, 5.0),
        (service(80.0, 50.0, answered=95), True, Word.SLOWED, 1.0),
        (service(3.9, 900.0), True, Word.STARVED, None),
        (NOBODY, True, Word.STARVED, None),
        (service(), False, Word.DIED, None),
    ],
)
def test_a_word_says_what_others_got(found: Service, alive: bool, word: Word, times: float | None) -> None:
    said, times_found = judge(found, BASE, alive=alive)
    assert (said, times_found) == (word, times if times is None else pytest.approx(times))


def evidence(in_app: int = 0, in_kernel: int = 0, held: int = 8) -> Evidence:
    return Evidence(in_app=in_app, most_in_app=in_app, in_kernel=in_kernel, held=held, left_in_app=0)


@pytest.mark.parametrize(
    ("kind", "word", "seen", "cap", "said"),
    [
        (Kind.IDLE_SILENT, Word.STARVED, evidence(0, 4), None, "nothing in the app; 4 connections wait in the kernel"),
        (Kind.IDLE_SILENT, Word.STARVED, evidence(0, 0), None, "others wait inside the server"),
        (Kind.SLOW_BODY, Word.STARVED, evidence(8, 4), None, "hold all 8 slots inside the app"),
        (
            Kind.SLOW_BODY,
            Word.SLOWED,
            evidence(5, 0),
            None,
            "5 of 8 slots are taken inside the app; others wait inside the server",
        ),
        (Kind.IDLE_SILENT, Word.SLOWED, evidence(3, 0), None, "wait for hostile clients, with 3 of 8 in the app"),
        (Kind.IDLE_KEPT, Word.STARVED, evidence(0, 4), 6, "all 6 connections it may hold are taken"),
        (Kind.IDLE_SILENT, Word.UNHARMED, evidence(4), None, "holds 8 of 8"),
        (Kind.HALF_HEADER, Word.UNHARMED, evidence(4, held=0), None, "ended 8 of the 8 hostile connections"),
        (Kind.ABORTED, Word.SLOWED, evidence(8, held=0), None, "requests whose clients left: 8 in the app"),
        (Kind.ABORTED, Word.UNHARMED, evidence(8, held=0), None, "alongside requests whose clients left"),
        (Kind.SLOW_READER, Word.DIED, evidence(), None, "gone"),
    ],
)
def test_evidence_says_what_is_held(kind: Kind, word: Word, seen: Evidence, cap: int | None, said: str) -> None:
    assert said in explain(kind, word, seen, first_s=None, hostile=8, nominal_slots=8, connection_cap=cap)


def test_a_server_that_shows_idle_clients_out_is_said_to() -> None:
    said = explain(
        Kind.IDLE_KEPT,
        Word.SLOWED,
        evidence(4, held=0),
        first_s=1.3,
        hostile=8,
        nominal_slots=8,
        connection_cap=None,
    )
    assert said == "nobody was served for the first 1.3 s; the server ended 8 of the 8 hostile connections"


@pytest.mark.parametrize(("found", "said"), [(NOBODY, "starved"), (service(40.0), "slowed 2.0x"), (BASE, "unharmed")])
def test_a_row_is_stored_as_it_is(tmp_path: Path, found: Service, said: str) -> None:
    observation = Observation(service=found, evidence=evidence(0, 4), again_s=None, alive=True)
    target = plan_server("gunicorn-gthread", ("127.0.0.1", 8000))
    made = row(target, "1", Kind.IDLE_SILENT, Conditions(), observation, BASE)
    assert made.effect == said
    write_table(tmp_path / "hostile.csv", HostileRow, [made])
    assert read_table(tmp_path / "hostile.csv", HostileRow) == [made]


def test_kinds_are_named_or_refused() -> None:
    assert parse_kinds("slow-body,aborted,slow-body") == [Kind.SLOW_BODY, Kind.ABORTED]
    for text in ("slowbody", ",", "slow-body,x"):
        with pytest.raises(UsageError, match="idle-silent"):
            parse_kinds(text)


def test_counts_are_by_kind_or_refused() -> None:
    assert parse_counts("idle-silent=8,aborted=0") == {Kind.IDLE_SILENT: 8, Kind.ABORTED: 0}
    assert parse_counts("") == {}
    for text in ("idle-silent", "idle-silent=x", "silent=3", "idle-silent=-1"):
        with pytest.raises(UsageError, match="KIND=N"):
            parse_counts(text)
