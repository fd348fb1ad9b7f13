"""The probe's shared-memory file: what each app process is doing, readable while the server is saturated.

Layout: a 64-byte header (magic, slot count), then one 128-byte slot per process. A slot is written by one
process under its own lock and read by anybody, out of band: the sequence number at its start and the copy at
its end differ while a write is under way.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

MAGIC = b"FLOODMK1"
SLOTS = 512
_HEADER = Struct("<8sQ")
_HEADER_SIZE = 64
_SLOT_SIZE = 128
# sequence, pid, started, finished, lost, in_flight, peak, in_flight_ns (integral), busy_ns, updated_ns, sequence
_SLOT = Struct("<11q")
_PID = Struct("<q")
FILE_SIZE = _HEADER_SIZE + SLOTS * _SLOT_SIZE


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCount:
    """One slot of the ledger at a moment.

    started, finished, lost: requests; lost are those whose process ended under them. in_flight: requests
    inside the app now; peak: most at once since the process began. in_flight_s: integral of in_flight over
    time up to the moment of reading, in request-seconds. busy_s: summed app time of finished requests.
    """

    pid: int
    started: int
    finished: int
    lost: int
    in_flight: int
    peak: int
    in_flight_s: float
    busy_s: float


class Ledger:
    """Writer's side: one per process that runs the app."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR)
        try:
            self._map = mmap.mmap(self._fd, FILE_SIZE)
        except (ValueError, OSError):
            os.close(self._fd)
            raise
        magic, slots = _HEADER.unpack_from(self._map, 0)
        if magic != MAGIC or slots != SLOTS:
            raise ValueError(f"{path} is not a probe file of this version")

    def claim(self) -> Slot:
        """Take a slot for the calling process.

        A slot whose process is gone is taken over with its counts, so that totals over all slots stay exact
        for servers that start a process per request. Raises RuntimeError when every slot's process lives.
        """
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        try:
            for index in range(SLOTS):
                offset = _HEADER_SIZE + index * _SLOT_SIZE
                values = _SLOT.unpack_from(self._map, offset)
                if values[1] == 0 or not _alive(values[1]):
                    _PID.pack_into(self._map, offset + 8, os.getpid())
                    return Slot(self._map, offset, values)
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)
        raise RuntimeError(f"more than {SLOTS} processes run the app at once")


class Slot:
    """The counters of the calling process. Not thread-safe: the probe holds a lock around it."""

    def __init__(self, view: mmap.mmap, offset: int, before: tuple[int, ...]) -> None:
        self._view = view
        self._offset = offset
        _, _, self.started, self.finished, lost, in_flight, _, self._in_flight_ns, self._busy_ns, _, _ = before
        self._lost = lost + in_flight
        self._sequence = before[0]
        self._pid = os.getpid()
        self.in_flight = 0
        self._peak = 0
        self._updated_ns = time.monotonic_ns()
        self._write()

    def enter(self) -> int:
        """Count a request in; returns its start, CLOCK_MONOTONIC in ns."""
        now = time.monotonic_ns()
        self._in_flight_ns += self.in_flight * (now - self._updated_ns)
        self._updated_ns = now
        self.started += 1
        self.in_flight += 1
        if self.in_flight > self._peak:
            self._peak = self.in_flight
        self._write()
        return now

    def leave(self, start_ns: int) -> None:
        """Count out a request that ``enter`` counted in at ``start_ns``."""
        now = time.monotonic_ns()
        self._in_flight_ns += self.in_flight * (now - self._updated_ns)
        self._updated_ns = now
        self.finished += 1
        self.in_flight -= 1
        self._busy_ns += now - start_ns
        self._write()

    def _write(self) -> None:
        sequence = self._sequence = self._sequence + 1
        _SLOT.pack_into(
            self._view,
            self._offset,
            sequence,
            self._pid,
            self.started,
            self.finished,
            self._lost,
            self.in_flight,
            self._peak,
            self._in_flight_ns,
            self._busy_ns,
            self._updated_ns,
            sequence,
        )


class LedgerReader:
    """Reader's side: never touches the app's processes.

    lives: whether a pid, as the app's processes see it, is still one of them.
    """

    def __init__(self, path: Path, lives: Callable[[int], bool] = _alive) -> None:
        self._lives = lives
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), FILE_SIZE, access=mmap.ACCESS_READ)

    def counts(self) -> list[ProcessCount]:
        """One entry for each slot ever used."""
        entries = []
        for index in range(SLOTS):
            offset = _HEADER_SIZE + index * _SLOT_SIZE
            if _PID.unpack_from(self._map, offset + 8)[0] == 0:
                break  # slots are claimed in order
            entries.append(self._count(offset))
        return entries

    def close(self) -> None:
        self._map.close()

    def _count(self, offset: int) -> ProcessCount:
        values = _SLOT.unpack_from(self._map, offset)
        for _ in range(100):
            again = _SLOT.unpack_from(self._map, offset)
            if values == again and values[0] == values[10]:
                break
            values = again
        _, pid, started, finished, lost, in_flight, peak, in_flight_ns, busy_ns, updated_ns, _ = values
        if in_flight and not self._lives(pid):
            lost, in_flight = lost + in_flight, 0
        in_flight_ns += in_flight * max(0, time.monotonic_ns() - updated_ns)
        return ProcessCount(
            pid=pid,
            started=started,
            finished=finished,
            lost=lost,
            in_flight=in_flight,
            peak=peak,
            in_flight_s=in_flight_ns / 1e9,
            busy_s=busy_ns / 1e9,
        )


def create(path: Path) -> None:
    """Make an empty ledger file that any user's server may write to."""
    with path.open("wb") as file:
        file.write(_HEADER.pack(MAGIC, SLOTS))
        file.truncate(FILE_SIZE)
    path.chmod(0o666)
