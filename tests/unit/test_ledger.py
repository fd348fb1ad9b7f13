"""The probe's shared memory, within one process."""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_apps import ledger
from target_apps.ledger import Ledger, LedgerReader, create
from target_apps.probe import Probe


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    create(path)
    return path


def test_counts_are_read_out_of_band(path: Path) -> None:
    slot = Ledger(path).claim()
    reader = LedgerReader(path)
    first, second = slot.enter(), slot.enter()
    slot.leave(first)
    (count,) = reader.counts()
    assert (count.pid, count.started, count.finished, count.in_flight, count.peak) == (os.getpid(), 2, 1, 1, 2)
    assert count.in_flight_s >= count.busy_s > 0
    slot.leave(second)
    assert reader.counts()[0].in_flight == 0
    reader.close()


def test_the_in_flight_integral_goes_on_while_a_request_hangs(path: Path) -> None:
    slot = Ledger(path).claim()
    slot.enter()
    reader = LedgerReader(path)
    before = reader.counts()[0].in_flight_s
    assert reader.counts()[0].in_flight_s > before
    reader.close()


def test_a_dead_process_s_slot_is_taken_over_with_its_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a server that forks for every request does it, one child after the other.
    for number in range(3):
        monkeypatch.setattr(os, "getpid", lambda n=number: 2**22 + 1000 + n)
        slot = Ledger(path).claim()
        slot.leave(slot.enter())
        if number == 2:
            slot.enter()  # and this one dies with a request inside
    monkeypatch.undo()
    slot = Ledger(path).claim()
    slot.leave(slot.enter())
    reader = LedgerReader(path)
    (count,) = reader.counts()
    assert (count.started, count.finished, count.lost, count.in_flight) == (5, 4, 1, 0)
    reader.close()


def test_what_a_process_counts_before_it_is_found_dead_is_not_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found with Flask's forking server: its last request was read as in flight, and written back as lost."""
    slot = Ledger(path).claim()
    pending = [slot.enter(), slot.enter()]

    def ends(_pid: int) -> bool:
        if pending:
            slot.leave(pending.pop())
        return False

    reader = LedgerReader(path, lives=ends)
    (count,) = reader.counts()
    assert (count.started, count.finished, count.lost) == (2, 2, 0)

    pending.append(slot.enter())
    monkeypatch.setattr(ledger, "_alive", ends)
    Ledger(path).claim()
    (count,) = reader.counts()
    assert (count.started, count.finished, count.lost) == (3, 3, 0)
    reader.close()


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\0" * 1_000_000)
    with pytest.raises(ValueError, match="not a probe file"):
        Ledger(path)
    path.write_bytes(b"")
    with pytest.raises((ValueError, OSError)):
        Ledger(path)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.booleans(), st.integers(0, 100)), max_size=40))
def test_the_integral_is_what_it_is_by_definition(moves: list[tuple[int, bool, int]]) -> None:
    """Each move lets time pass, then a request in or one of those inside out."""
    now = 10**17
    expected = busy = 0
    inside: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        path = Path(name) / "ledger"
        create(path)
        patch.setattr(ledger, "monotonic_ns", lambda: now)
        slot = Ledger(path).claim()
        peak = finished = 0
        for wait, enters, which in moves:
            now += wait
            expected += wait * len(inside)
            if enters or not inside:
                inside.append((slot.enter(), now))
            else:
                start, since = inside.pop(which % len(inside))
                slot.leave(start)
                busy += now - since
                finished += 1
            peak = max(peak, len(inside))
        now += 5
        expected += 5 * len(inside)
        reader = LedgerReader(path)
        (count,) = reader.counts()
        reader.close()
    assert (count.in_flight, count.peak, count.finished, count.lost) == (len(inside), peak, finished, 0)
    assert count.in_flight_s == expected / 1e9
    assert count.busy_s == busy / 1e9


def probed(path: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
    monkeypatch.setenv("FLOODMARK_LEDGER", str(path))
    return Probe(lambda environ, start_response: iter([b"x"]))


def ask(app: Probe) -> None:
    body = app({"PATH_INFO": "/"}, lambda *_: lambda _: None)
    assert list(body) == [b"x"]
    body.close()  # type: ignore[attr-defined]
    body.close()  # type: ignore[attr-defined]


def test_threads_lose_no_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = probed(path, monkeypatch)

    def ask_often() -> None:
        for _ in range(500):
            ask(app)

    threads = [threading.Thread(target=ask_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = LedgerReader(path)
    (count,) = reader.counts()
    assert (count.started, count.finished, count.in_flight) == (4000, 4000, 0)
    reader.close()


def test_a_child_forked_in_c_counts_in_a_slot_of_its_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As uWSGI forks, past every Python hook.
    app = probed(path, monkeypatch)
    ask(app)
    child = ctypes.CDLL(None).fork()
    if child == 0:
        try:
            ask(app)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    ask(app)
    reader = LedgerReader(path)
    counts = {count.pid: count.finished for count in reader.counts()}
    assert counts == {os.getpid(): 2, child: 1}
    reader.close()
