"""What this machine has shown of its own pace: the fastest pieces of work, and how runs differ from day to day."""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from floodmark.errors import FloodmarkError
from floodmark.results.cache import cache_folder
from floodmark.results.document import write_document
from floodmark.results.provenance import host_record, software
from floodmark.sampling.pace import fastest_s, timed_piece_s

FILE = "pace.json"
KEPT = 200
"""Runs remembered per machine."""
DEFAULT_SD, DEFAULT_RUNS = 0.02, 5
"""Standard deviation of a machine's pace between days where nothing is known, and how many runs it counts as."""
FIRST_PIECES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """The mean time of a piece in one run, and when it was, in epoch seconds."""

    at: float
    piece_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of one machine."""

    fastest_s: float
    """The fastest pieces of all runs: pace 1."""
    runs: tuple[PastRun, ...] = ()

    @property
    def usual_s(self) -> float | None:
        """The median of all runs; None without runs."""
        return statistics.median(run.piece_s for run in self.runs) if self.runs else None

    @property
    def host_sd(self) -> float:
        """Relative standard deviation of the pace between runs, with the default counted as DEFAULT_RUNS of them."""
        return host_sd([run.piece_s for run in self.runs])


def host_sd(pieces_s: Sequence[float]) -> float:
    """Relative standard deviation of pieces, one of each run; with few of them, it is drawn towards the default."""
    logs = [math.log(piece_s) for piece_s in pieces_s if piece_s > 0]
    squares = (len(logs) - 1) * statistics.variance(logs) if len(logs) > 1 else 0.0
    return math.sqrt((DEFAULT_RUNS * DEFAULT_SD**2 + squares) / (DEFAULT_RUNS + max(0, len(logs) - 1)))


def this_machine() -> Machine:
    """What is known of this machine; if nothing is, its pace now, from a tenth of a second of work.

    A history that cannot be read counts as none.
    """
    known = _read(cache_folder() / FILE).get(_key())
    if known is not None:
        return known
    pieces = [timed_piece_s() for _ in range(FIRST_PIECES)]
    return Machine(fastest_s=fastest_s(pieces) or pieces[0])


def remember(fastest: float, piece_s: float) -> None:
    """Add a run to this machine's history. A history that cannot be written is left as it is."""
    file = cache_folder() / FILE
    known = dict(_read(file))
    before = known.get(_key())
    runs = (*(before.runs if before is not None else ()), PastRun(at=round(time.time(), 1), piece_s=piece_s))
    best = min(fastest, before.fastest_s) if before is not None else fastest
    known[_key()] = Machine(fastest_s=best, runs=runs[-KEPT:])
    with contextlib.suppress(OSError, FloodmarkError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_document(file, known)


def _key() -> str:
    """Pieces compare only on the same CPU, under the same kernel and interpreter."""
    host = host_record()
    return " / ".join([host.cpu_model, str(host.cpus), host.kernel, f"Python {software().python}", os.uname().nodename])


def _read(file: Path) -> Mapping[str, Machine]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Machine])
    except (OSError, msgspec.DecodeError):
        return {}
