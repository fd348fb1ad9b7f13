"""The probe's shared-memory file: what each app process is doing, readable while the server is saturated.

Layout: a 64-byte header (magic, slot count), then a 128-byte slot per process. A slot is written by one process under
its own lock. Others read it without a lock: the sequence number at its start differs from the copy at its end while a
write is in progress. Only what a request changes is written.

Let B be the app time of finished requests, and S the sum of the start times of those in flight. The integral of the
requests in flight up to t is then B + in_flight * t - S, so no field has to be updated over time.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from time import monotonic_ns

MAGIC = b"FLOODMK2"
SLOTS = 512
_HEADER = Struct("<8sQ")
_HEADER_SIZE = 64
_SLOT_SIZE = 128
# sequence, pid, started, finished, lost, peak, starts_ns (sum over those in flight, from origin_ns on), busy_ns,
# origin_ns, sequence
_SLOT = Struct("<10q")
_SEQUENCE, _STARTED, _FINISHED, _PEAK, _STARTS, _BUSY, _SEQUENCE_AGAIN = 0, 2, 3, 5, 6, 7, 9
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
    """The state of a slot at the moment of reading."""

    pid: int
    started: int
    """Requests that entered the app."""
    finished: int
    """Requests that left the app."""
    lost: int
    """Requests whose process ended while they were inside the app."""
    in_flight: int
    """Requests inside the app now."""
    peak: int
    """The most requests inside the app at once since the process began."""
    in_flight_s: float
    """Integral of ``in_flight`` over time, in request-seconds."""
    busy_s: float
    """Sum of the app times of finished requests."""


class Ledger:
    """The writer's view of the file, one per process that runs the app."""

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
        """Claim a slot for the calling process.

        A slot whose process is gone is reused with its counts, so that totals over all slots stay exact for servers
        that start a process per request. Raises RuntimeError if the processes of all slots are alive.
        """
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        try:
            for index in range(SLOTS):
                offset = _HEADER_SIZE + index * _SLOT_SIZE
                (owner,) = _PID.unpack_from(self._map, offset + 8)
                if owner == 0 or not _alive(owner):
                    # Read the counts only now, because the owner may have changed them until it was gone.
                    values = _SLOT.unpack_from(self._map, offset)
                    _PID.pack_into(self._map, offset + 8, os.getpid())
                    return Slot(self._map, offset, values)
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)
        raise RuntimeError(f"more than {SLOTS} processes run the app at once")


class Slot:
    """The counters of the calling process, for all its threads."""

    __slots__ = (
        "_acquire",
        "_busy_ns",
        "_finished",
        "_in_flight",
        "_origin_ns",
        "_peak",
        "_release",
        "_sequence",
        "_started",
        "_starts_ns",
        "_view",
    )

    def __init__(self, shared: mmap.mmap, offset: int, before: tuple[int, ...]) -> None:
        sequence, _, self._started, self._finished, _, _, _, self._busy_ns, _, _ = before
        lock = threading.Lock()
        self._acquire, self._release = lock.acquire, lock.release  # takes half the time of a with block
        self._sequence = sequence + 1
        # Sums of start times must fit into 64 bits, so they count from here and not from the boot of the machine.
        self._origin_ns = monotonic_ns()
        self._in_flight = self._peak = self._starts_ns = 0
        # Requests that were inside the app when the previous owner ended count as started and lost.
        lost = self._started - self._finished
        counts = (os.getpid(), self._started, self._finished, lost, 0, 0, self._busy_ns, self._origin_ns)
        _SLOT.pack_into(shared, offset, self._sequence, *counts, self._sequence)
        # Writing one number through a view takes a fifth of the time of packing all of them.
        self._view = memoryview(shared)[offset : offset + _SLOT_SIZE].cast("q")

    def enter(self) -> int:
        """Count a request that enters the app. Returns its start time, for ``leave``."""
        view = self._view
        self._acquire()
        try:
            start_ns = monotonic_ns() - self._origin_ns
            self._sequence = sequence = self._sequence + 1
            self._started = started = self._started + 1
            self._in_flight = in_flight = self._in_flight + 1
            self._starts_ns = starts_ns = self._starts_ns + start_ns
            view[_SEQUENCE] = sequence
            view[_STARTED] = started
            view[_STARTS] = starts_ns
            if in_flight > self._peak:
                view[_PEAK] = self._peak = in_flight
            view[_SEQUENCE_AGAIN] = sequence
        finally:
            self._release()
        return start_ns

    def leave(self, start_ns: int) -> None:
        """Count a request, started at ``start_ns``, that leaves the app."""
        view = self._view
        self._acquire()
        try:
            self._sequence = sequence = self._sequence + 1
            self._finished = finished = self._finished + 1
            self._in_flight -= 1
            self._starts_ns = starts_ns = self._starts_ns - start_ns
            self._busy_ns = busy_ns = self._busy_ns + monotonic_ns() - self._origin_ns - start_ns
            view[_SEQUENCE] = sequence
            view[_FINISHED] = finished
            view[_STARTS] = starts_ns
            view[_BUSY] = busy_ns
            view[_SEQUENCE_AGAIN] = sequence
        finally:
            self._release()


class LedgerReader:
    """The reader's view of the file. Does not interfere with the app's processes.

    ``lives`` tells whether a pid, as seen by the app's processes, is still one of them.
    """

    def __init__(self, path: Path, lives: Callable[[int], bool] = _alive) -> None:
        self._lives = lives
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), FILE_SIZE, access=mmap.ACCESS_READ)

    def counts(self) -> list[ProcessCount]:
        """An entry for each slot that was ever used."""
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
            if values == again and values[_SEQUENCE] == values[_SEQUENCE_AGAIN]:
                break
            values = again
        _, pid, started, finished, lost, peak, starts_ns, busy_ns, origin_ns, _ = values
        in_flight = started - finished - lost
        in_flight_ns = busy_ns
        if in_flight and not self._lives(pid):
            if _SLOT.unpack_from(self._map, offset) != values:
                return self._count(offset)  # the process changed its counts before it was gone
            lost, in_flight = lost + in_flight, 0
        else:
            in_flight_ns += max(0, in_flight * (monotonic_ns() - origin_ns) - starts_ns)
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
    """Create an empty ledger file that servers of any user can write to."""
    with path.open("wb") as file:
        file.write(_HEADER.pack(MAGIC, SLOTS))
        file.truncate(FILE_SIZE)
    path.chmod(0o666)
