"""Bursts: what was seen as figures, figures as words, and the kernel's table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from floodmark.commands.concurrency import default_names
from floodmark.concurrency.observe import estimate_s
from floodmark.concurrency.row import Burst, ConcurrencyRow, ObservedWave, row
from floodmark.concurrency.watch import Moment, summarise
from floodmark.errors import UsageError
from floodmark.plan.planned_run import plan_server
from floodmark.results.table import read_table, write_table
from floodmark.sampling.accept_queue import accept_queue

BIND = ("127.0.0.1", 8000)

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:0000003F 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F40 0100007F:C001 01 00000000:00000100 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0100007F:1F40 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:1F41 00000000:0000 0A 00000000:00000005 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
"""


def test_the_accept_queues_of_all_listeners_on_a_port_are_added(tmp_path: Path) -> None:
    path = tmp_path / "tcp"
    path.write_text(TABLE)
    assert accept_queue(8000, (path,)) == 63 + 2
    assert accept_queue(8001, (path, tmp_path / "none")) == 5
    assert accept_queue(9999, (path,)) is None
    assert accept_queue(8000, (tmp_path / "none",)) is None


def test_a_wave_is_summed_up_at_its_fullest() -> None:
    moments = [
        Moment(10, {1: 3}, 0),
        Moment(64, {1: 4, 2: 2}, 40),
        Moment(64, {1: 4, 2: 4}, 50),
        Moment(20, {1: 4, 2: 4}, 2),
    ]
    seen = summarise(moments, 7.5)
    assert (seen.max_inflight, seen.per_process, seen.mean_inflight) == (8, (4, 4), 7.5)
    assert (seen.fullest.in_app, seen.fullest.in_kernel, seen.fullest.in_server) == (8, 50, 6)
    assert summarise([], 0.0).max_inflight == 0


def test_what_was_just_about_to_be_accepted_did_not_wait_in_the_kernel() -> None:
    taken, settled = Moment(16, {1: 4}, 12), Moment(16, {1: 4}, 0)
    seen = summarise([Moment(9, {1: 4}, 5), taken, settled, settled, Moment(15, {1: 4}, 0)], 4.0)
    assert (seen.fullest.in_server, seen.fullest.in_kernel) == (12, 0)


def wave(most: int, *, fresh: bool = True, burst_s: float = 0.82, per_process: Sequence[int] = (4, 4)) -> ObservedWave:
    return ObservedWave(
        fresh=fresh,
        max_inflight=most,
        mean_inflight=most - 0.5,
        per_process=per_process,
        waiting_in_server=6,
        waiting_in_kernel=50,
        burst_s=burst_s,
        reused=0 if fresh else 32,
        errors={} if fresh else {"stale": 3},
    )


def summed(*observed: ObservedWave, slots: int | None = 8) -> ConcurrencyRow:
    if slots is None:
        target = plan_server("gunicorn-gevent", BIND)
        server = dataclasses.replace(target.server, slots=None)
        target = dataclasses.replace(target, server=server)
    else:
        target = plan_server(f"gunicorn-gthread:workers={slots // 4 or 1},threads={min(slots, 4)}", BIND)
    assert target.nominal_slots == slots
    return row(target, "1", Burst(clients=64, hold_ms=100), observed)


def test_a_row_holds_the_extremes_and_the_medians(tmp_path: Path) -> None:
    found = summed(wave(8), wave(6, fresh=False, burst_s=1.2), wave(8, burst_s=0.9), wave(7, fresh=False, burst_s=1.0))
    assert (found.max_inflight, found.min_of_max, found.mean_inflight) == (8, 6, 7.0)
    assert (found.burst_s, found.kept_burst_s, found.ideal_s) == (0.86, 1.1, 0.8)
    assert (found.per_process, found.errors, found.reused) == ("4 4", "6 stale", 0.5)
    path = tmp_path / "concurrency.csv"
    write_table(path, ConcurrencyRow, [found])
    assert read_table(path, ConcurrencyRow) == [found]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (summed(wave(8), wave(8, fresh=False)), "delivers its 8 slots in every wave"),
        (summed(wave(16), wave(10, fresh=False), slots=16), "reaches its 16 slots, but only 10 in its worst wave"),
        (summed(wave(10), wave(11, fresh=False), slots=16), "10 to 11 of its 16 slots"),
        (summed(wave(64, burst_s=0.11), slots=None), "no limit within 64: 64 at once"),
        (summed(wave(9)), "more than its 8 slots: 9 at once"),
        (summed(wave(8, burst_s=2.4)), "3.0 times the ideal: connections are dealt unevenly to processes"),
        (summed(wave(8, burst_s=2.4, per_process=(8,))), "slots idle in between"),
    ],
)
def test_a_row_says_whether_the_slots_are_delivered(found: ConcurrencyRow, said: str) -> None:
    assert said in found.note


def test_no_wave_is_no_row() -> None:
    with pytest.raises(ValueError, match="no wave"):
        summed()


def test_a_name_may_carry_settings() -> None:
    target = plan_server("gunicorn-gthread:workers=4,threads=2", BIND)
    assert target.nominal_slots == 8
    assert (target.settings["workers"], target.settings["threads"]) == (4, 2)
    assert plan_server("gunicorn-gthread", BIND).nominal_slots == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gunicorn-gthreat", "did you mean"),
        ("gunicorn-gthread:workers", "name=value"),
        ("gunicorn-gthread:worker=4", "worker"),
        ("gunicorn-gthread:workers=0", "workers = 0"),
    ],
)
def test_a_wrong_name_or_setting_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_server(text, BIND)
    assert message in str(caught.value)


def test_every_server_here_is_shown_once_at_least() -> None:
    names = default_names()
    assert len(names) == len(set(names))
    assert "gunicorn-gthread:workers=4,threads=4" in names


def test_a_server_with_one_slot_is_not_waved_at_for_minutes() -> None:
    assert estimate_s(plan_server("flask-single", BIND), Burst()) < 20
    assert sum(estimate_s(plan_server(name, BIND), Burst()) for name in default_names()) < 300
