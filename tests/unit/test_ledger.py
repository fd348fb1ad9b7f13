"""The probe's shared memory, within one process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from target_apps.ledger import Ledger, LedgerReader, create


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


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\0" * 1_000_000)
    with pytest.raises(ValueError, match="not a probe file"):
        Ledger(path)
    path.write_bytes(b"")
    with pytest.raises((ValueError, OSError)):
        Ledger(path)
