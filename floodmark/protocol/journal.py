"""The hand-over from the load side to the conductor: one JSON object a line, read while it grows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floodmark.results.schema import BucketCount, Second
from floodmark.search.order import Order, Outcome
from floodmark.stats.window import Window
from floodmark.verdict.enums import End, Generator, Model, Phase
from floodmark.verdict.visit import Visit


@dataclass(frozen=True, slots=True)
class Started:
    """The load began at ``origin``, epoch seconds: 0 of every t_s."""

    origin: float


@dataclass(frozen=True, slots=True)
class Ordered:
    """A visit was ordered."""

    visit: int
    order: Order


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit is done."""

    visit: Visit
    buckets: list[BucketCount]


Entry = Started | Ordered | Second | Visited | Outcome


class Journal:
    """Writer's side. Each line is with the operating system when the call returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def start(self, origin: float) -> None:
        self._write("start", {"origin": origin})

    def order(self, order: Order, visit: int) -> None:
        self._write("order", {"visit": visit, "order": dataclasses.asdict(order)})

    def second(self, second: Second) -> None:
        self._write("second", dataclasses.asdict(second))

    def visit(self, visit: Visit, window: Window) -> None:
        rows = [dataclasses.asdict(row) for row in buckets(visit, window)]
        self._write("step", {"step": dataclasses.asdict(visit), "buckets": rows})

    def end(self, outcome: Outcome) -> None:
        self._write("end", dataclasses.asdict(outcome))

    def _write(self, kind: str, content: dict[str, Any]) -> None:
        self._file.write(json.dumps({"kind": kind, **content}) + "\n")
        self._file.flush()


class JournalReader:
    """Reader's side: ``new()`` gives what was written since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> Iterator[Entry]:
        """Yield complete lines not yet seen; a line still being written waits for the next call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                yield _entry(json.loads(line))


def _entry(line: dict[str, Any]) -> Entry:
    match line.pop("kind"):
        case "start":
            return Started(line["origin"])
        case "order":
            order = line["order"]
            return Ordered(line["visit"], Order(**{**order, "phase": Phase(order["phase"])}))
        case "second":
            return Second(**line)
        case "step":
            return Visited(_step(line["step"]), [BucketCount(**row) for row in line["buckets"]])
        case "end":
            return Outcome(**{**line, "end": End(line["end"])})
        case other:
            raise ValueError(f"unknown journal line {other!r}")


def _step(cells: dict[str, Any]) -> Visit:
    word = cells["gen_verdict"]
    return Visit(
        **{
            **cells,
            "phase": Phase(cells["phase"]),
            "model": Model(cells["model"]),
            "gen_verdict": None if word is None else Generator(word),
        }
    )


def buckets(visit: Visit, window: Window) -> list[BucketCount]:
    """The visit's histograms as rows; in the open model, of latencies from when arrivals were due."""
    good = window.settled if visit.model is Model.OPEN else window.histogram
    return [
        BucketCount(visit=visit.number, kind=kind, bucket_lo_ms=low, bucket_hi_ms=high, count=count)
        for kind, histogram in (("good", good), ("error", window.error_histogram))
        for low, high, count in histogram
    ]
