"""The lock's own time, from what the app of K7 writes down."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.known_answers.holds import HoldLog, read_holds


def test_a_window_gives_the_time_held_and_the_cycle(tmp_path: Path) -> None:
    log = tmp_path / "holds"
    # 10 ms held, 1 ms handed over; from second 5 on 20 ms and 2 ms.
    slow = [(100 + 5 + 0.22 * n, 500 + 10 * n, 5.0 + 0.2 * n) for n in range(20)]
    fast = [(100 + 0.11 * n, 10 * n, 0.1 * n) for n in range(45)]
    log.write_text("".join(f"{at:.6f} {count} {held:.6f}\n" for at, count, held in [*fast, *slow]) + "109.9 7")
    early = read_holds(log, [(100, 104)])
    assert early.held_s == pytest.approx(0.010)
    assert early.handover_s == pytest.approx(0.001)
    assert read_holds(log, [(105, 109)]).cycle_s == pytest.approx(0.022)
    both = read_holds(log, [(100, 102.09), (105, 107.1)])
    assert 0.010 < both.held_s < 0.020
    with pytest.raises(ValueError, match="nothing of these 1 windows"):
        read_holds(log, [(200, 300)])


def test_the_app_writes_now_and_then(tmp_path: Path) -> None:
    log = HoldLog(str(tmp_path / "holds"))
    for _ in range(100):
        log.held(0.01)
    lines = (tmp_path / "holds").read_text().splitlines()
    assert 1 <= len(lines) < 100
    assert lines[0].split()[1:] == ["1", "0.010000"]
    HoldLog(None).held(0.01)
