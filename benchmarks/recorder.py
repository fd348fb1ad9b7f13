"""What recording costs per request: taking down, folding, handing over and merging, without any request."""

from __future__ import annotations

import argparse
import random
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from locust.stats import RequestStats

import floodmark.load  # noqa: F401 - Locust's patches first
from benchmarks.record import RESULTS, write
from floodmark.load.tally import Tally
from floodmark.records.recorder import Recorder, bin_of
from floodmark.records.timeline import Timeline

ROUNDS = 30
_STAMP = struct.Struct("qq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Least CPU per request over all rounds, at a number of requests per tenth of a second."""

    requests_per_fold: int
    append_us: float
    fold_us: float
    merge_us: float

    @property
    def total_us(self) -> float:
        return self.append_us + self.fold_us + self.merge_us


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / "recorder.csv")
    options = parser.parse_args()
    samples = [measure(count) for count in (100, 1_000, 10_000)]
    write(options.out, Sample, samples)
    print("\n".join(table(samples)))


def table(samples: Sequence[Sample]) -> list[str]:
    """Markdown."""
    lines = [
        "| requests per fold | append, us | fold, us | merge, us | together, us per request |",
        "|---:|---:|---:|---:|---:|",
    ]
    for s in samples:
        parts = " | ".join(f"{us:.3f}" for us in (s.append_us, s.fold_us, s.merge_us, s.total_us))
        lines.append(f"| {s.requests_per_fold:,} | {parts} |")
    return lines


def measure(count: int) -> Sample:
    recorder, stats, timeline, tally = Recorder(), RequestStats(), Timeline(), Tally("GET", "/")
    best = [float("inf")] * 3
    for number in range(ROUNDS):
        print(f"\r  {count}: {number + 1}/{ROUNDS}", end="", file=sys.stderr)
        now = time.time()
        spread = [random.random() * 0.002 for _ in range(count)]
        stamps = [_STAMP.pack(int(now), int((now % 1 + s) * 1e9) % 1_000_000_000) for s in spread]
        begun = time.process_time()
        for stamp in stamps:  # as in StepSession.answered
            tally.sent.append(now)
            tally.stamps += stamp
            tally.again.append(now)
        appended = time.process_time()
        tally.fold(recorder, stats, by_arrival=False)
        folded = time.process_time()
        until = bin_of(time.time()) + 20
        timeline.add("here", until, recorder.take(until))
        merged = time.process_time()
        for index, seconds in enumerate((appended - begun, folded - appended, merged - folded)):
            best[index] = min(best[index], 1e6 * seconds / count)
    print(file=sys.stderr)
    return Sample(
        requests_per_fold=count, append_us=round(best[0], 4), fold_us=round(best[1], 4), merge_us=round(best[2], 4)
    )


if __name__ == "__main__":
    main()
