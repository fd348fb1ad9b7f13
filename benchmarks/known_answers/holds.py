"""How long a lock is held, and what the next thread takes to hold it, by the app's own count."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

VARIABLE = "FLOODMARK_KNOWN_HOLDS"
"""Names the file the app writes to; it writes none without."""
EVERY_S = 0.25


class CountedLock:
    """The app's side: a lock that writes a line now and then, with all of these so far:

    epoch s, holds, seconds held, releases that left a thread waiting, seconds from those to the next hold.

    A release with nobody waiting is followed by idleness, which is no time of the lock's own and is not counted: in a
    server that is not saturated the lock could be taken more often than it is.
    """

    def __init__(self, path: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = Path(path) if path else None
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: set[int] = set()
        self._awaited = False
        self._began = self._released = self._due = 0.0
        self._holds = self._handovers = 0
        self._held_s = self._handover_s = 0.0

    def __enter__(self) -> None:
        me = threading.get_ident()
        self._waiting.add(me)
        self._lock.acquire()
        self._began = self._clock()
        self._waiting.discard(me)
        if self._awaited:
            self._handovers += 1
            self._handover_s += self._began - self._released

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._write()
        self._released = self._clock()
        self._holds += 1
        self._held_s += self._released - self._began
        self._awaited = bool(self._waiting)
        self._lock.release()

    def _write(self) -> None:
        if self._path is None or (now := time.time()) < self._due:
            return
        self._due = now + EVERY_S
        with self._path.open("a", encoding="ascii") as log:
            log.write(f"{now:.6f} {self._holds} {self._held_s:.6f} {self._handovers} {self._handover_s:.6f}\n")


@dataclass(frozen=True, slots=True)
class Holds:
    """Of a window. held_s: mean time under the lock; handover_s: mean time from a release that left a thread waiting to
    the next hold; awaited: the share of such releases.
    """

    held_s: float
    handover_s: float
    awaited: float

    @property
    def cycle_s(self) -> float:
        """What one request costs the lock: one that is always awaited is taken 1 / cycle_s times a second."""
        return self.held_s + self.handover_s


def read_holds(path: Path, begin: float, end: float) -> Holds:
    """What the app wrote in a window, epoch s. Raises ValueError where it holds too little."""
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    rows = np.array([[float(cell) for cell in line] for line in lines if len(line) == 5]).reshape(-1, 5)
    inside = rows[(rows[:, 0] >= begin) & (rows[:, 0] < end)]
    if len(inside) < 2:
        raise ValueError(f"{path.name} has nothing of this window")
    _, count, held_s, handovers, handover_s = inside[-1] - inside[0]
    return Holds(
        held_s=float(held_s / count),
        handover_s=float(handover_s / handovers) if handovers else 0.0,
        awaited=float(handovers / count),
    )
