"""The journal from the load side to the conductor: a JSON object per line, read while the file grows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from floodmark.protocol.wire import decode, encode
from floodmark.results.schema import BucketCount, Second
from floodmark.search.order import Order
from floodmark.stats.window import Window
from floodmark.verdict.enums import Model
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.visit import Visit


@dataclass(frozen=True, slots=True)
class Started:
    """The load began at ``origin``, in epoch seconds. All other times are relative to it."""

    origin: float


@dataclass(frozen=True, slots=True)
class Ordered:
    """The visit with this number was ordered."""

    number: int
    order: Order


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit is complete."""

    visit: Visit
    buckets: list[BucketCount]


Entry = Started | Ordered | Second | Visited | Outcome
KINDS: dict[str, type[Entry]] = {kind.__name__: kind for kind in (Started, Ordered, Second, Visited, Outcome)}


class Journal:
    """Writes the journal. When a call returns, its line has been passed to the operating system."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def start(self, origin: float) -> None:
        self._write(Started(origin))

    def order(self, order: Order, number: int) -> None:
        self._write(Ordered(number, order))

    def second(self, second: Second) -> None:
        self._write(second)

    def visit(self, visit: Visit, window: Window) -> None:
        self._write(Visited(visit, buckets(visit, window)))

    def end(self, outcome: Outcome) -> None:
        self._write(outcome)

    def close(self) -> None:
        self._file.close()

    def _write(self, entry: Entry) -> None:
        self._file.write(type(entry).__name__.encode() + b" " + encode(entry) + b"\n")


class JournalReader:
    """Reads the journal. ``new()`` yields what was written since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> Iterator[Entry]:
        """Yield the entries of new complete lines. An incomplete line is left for the next call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                kind, _, entry = line.partition(b" ")
                yield decode(entry, KINDS[kind.decode()])


def buckets(visit: Visit, window: Window) -> list[BucketCount]:
    """The histograms of a visit as rows. In the open model, latencies count from when arrivals were due."""
    good = window.settled if visit.model is Model.OPEN else window.histogram
    return [
        BucketCount(visit=visit.number, kind=kind, bucket_lo_ms=low, bucket_hi_ms=high, count=count)
        for kind, histogram in (("good", good), ("error", window.error_histogram))
        for low, high, count in histogram
    ]
