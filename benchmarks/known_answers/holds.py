"""How long a lock was held, by the app's own count: written by it, read here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

VARIABLE = "FLOODMARK_KNOWN_HOLDS"
"""Names the file the app writes to; it writes none without."""
EVERY_S = 0.25


class HoldLog:
    """The app's side, called with the lock held. A line: epoch s, holds so far, seconds held so far."""

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._count, self._seconds, self._due = 0, 0.0, 0.0

    def held(self, seconds: float) -> None:
        self._count += 1
        self._seconds += seconds
        if self._path is not None and (now := time.time()) >= self._due:
            self._due = now + EVERY_S
            with self._path.open("a", encoding="ascii") as log:
                log.write(f"{now:.6f} {self._count} {self._seconds:.6f}\n")


@dataclass(frozen=True, slots=True)
class Holds:
    """Of a window. held_s: mean time under the lock; cycle_s: from one hold's end to the next, in a window in which
    somebody always waits.
    """

    held_s: float
    cycle_s: float

    @property
    def handover_s(self) -> float:
        """From the release by one thread to the hold by the next."""
        return self.cycle_s - self.held_s


def read_holds(path: Path, windows: Sequence[tuple[float, float]]) -> Holds:
    """What the app wrote in ``windows``, epoch s, together. Raises ValueError where they hold too little."""
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    rows = np.array([[float(cell) for cell in line] for line in lines if len(line) == 3]).reshape(-1, 3)
    span_s = count = held_s = 0.0
    for begin, end in windows:
        inside = rows[(rows[:, 0] >= begin) & (rows[:, 0] < end)]
        if len(inside) > 1:
            span_s, count, held_s = np.array([span_s, count, held_s]) + inside[-1] - inside[0]
    if not count:
        raise ValueError(f"{path.name} has nothing of these {len(windows)} windows")
    return Holds(held_s=float(held_s / count), cycle_s=float(span_s / count))
