"""The lock's own time, from what the app of K7 writes down."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from benchmarks.known_answers.holds import CountedLock, read_holds


def test_a_window_gives_what_a_hold_and_a_handover_take(tmp_path: Path) -> None:
    log = tmp_path / "holds"
    # 10 ms held, 1 ms handed over; from second 5 on 20 ms and 2 ms, and every second release is awaited.
    fast = [(100 + 0.11 * n, 10 * n, 0.1 * n, 10 * n, 0.01 * n) for n in range(45)]
    slow = [(105 + 0.22 * n, 500 + 10 * n, 5.0 + 0.2 * n, 500 + 5 * n, 0.5 + 0.01 * n) for n in range(20)]
    text = "".join(" ".join(f"{cell:.6f}" for cell in line) + "\n" for line in [*fast, *slow])
    log.write_text(text + "109.9 7")
    early = read_holds(log, 100, 104)
    assert early.held_s == pytest.approx(0.010)
    assert early.handover_s == pytest.approx(0.001)
    assert early.awaited == pytest.approx(1)
    assert early.cycle_s == pytest.approx(0.011)
    late = read_holds(log, 105, 109)
    assert late.cycle_s == pytest.approx(0.022)
    assert late.awaited == pytest.approx(0.5)
    with pytest.raises(ValueError, match="nothing of this window"):
        read_holds(log, 200, 300)


def test_a_lock_that_nobody_awaits_hands_nothing_over(tmp_path: Path) -> None:
    path, seconds = tmp_path / "holds", iter(range(100))
    lock = CountedLock(str(path), clock=lambda: float(next(seconds)))
    for _ in range(3):
        with lock:
            pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lock, "_due", 0.0)
        with lock:
            pass
    first, last = (line.split()[1:] for line in path.read_text().splitlines())
    assert first == ["0", "0.000000", "0", "0.000000"]
    assert last == ["3", "3.000000", "0", "0.000000"]


def test_a_lock_that_is_awaited_counts_the_time_to_the_next_hold() -> None:
    seconds = iter(range(100))
    lock = CountedLock(None, clock=lambda: float(next(seconds)))

    def other() -> None:
        with lock:
            pass

    with lock:
        thread = threading.Thread(target=other)
        thread.start()
        while not lock._waiting:
            time.sleep(0.001)
    thread.join()
    assert (lock._holds, lock._held_s) == (2, 2.0)
    assert (lock._handovers, lock._handover_s) == (1, 1.0)


def test_without_a_file_it_is_a_lock() -> None:
    with CountedLock(None):
        pass
