"""How wrong each client's latency is, at rising CPU of its own, against a target that takes exactly 20 ms.

The target knows how long each answer really took; the error is what the client says beyond that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.delay_target import DelayTarget, delay_target
from benchmarks.record import RESULTS, write
from benchmarks.visit import visit_once

DELAY_MS = 20.0
TARGET_CPU, GENERATOR_CPU = 0, 1
WANTED = (0.5, 0.8, 0.95)
SECONDS = 4.0
FIRST = {"step": 400, "lean": 200, "fast": 50, "http": 15}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One visit. generator_cpu: cores; errors: of the client's percentile against the target's own."""

    client: str
    wanted_cpu: float
    users: int
    generator_cpu: float
    rate_rps: float
    truth_p50_ms: float
    truth_p99_ms: float
    p50_error_ms: float
    p99_error_ms: float
    late_p99_ms: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", default="step,lean,fast,http")
    parser.add_argument("--out", type=Path, default=RESULTS / "latency.csv")
    options = parser.parse_args()
    samples: list[Sample] = []
    with delay_target(8310, DELAY_MS, TARGET_CPU) as target:
        for client in options.clients.split(","):
            samples += climb(target, client)
    write(options.out, Sample, samples)
    print("\n".join(table(samples)))


def climb(target: DelayTarget, client: str) -> list[Sample]:
    """Raise the users until the generator's CPU is about as wanted."""
    users, found = FIRST[client], []
    for wanted in WANTED:
        best: Sample | None = None
        for _ in range(3):
            sample = measure(target, client, wanted, users)
            print(f"  {sample}", file=sys.stderr)
            if best is None or abs(sample.generator_cpu - wanted) < abs(best.generator_cpu - wanted):
                best = sample
            if abs(sample.generator_cpu - wanted) < 0.04:
                break
            # The busier a loop, the more it does per wake-up: a request's cost falls with the load.
            users = max(1, round(users * (wanted / sample.generator_cpu) ** 1.1))
        assert best is not None
        found.append(best)
    return found


def measure(target: DelayTarget, client: str, wanted: float, users: int) -> Sample:
    visit = visit_once(client, target.url, users, SECONDS, GENERATOR_CPU, lambda _: target.reset())
    truth = target.truth()
    assert visit.gen_cpu_max is not None
    assert visit.r_p50_ms is not None
    assert visit.r_p99_ms is not None
    return Sample(
        client=client,
        wanted_cpu=wanted,
        users=users,
        generator_cpu=round(visit.gen_cpu_max, 3),
        rate_rps=round(visit.goodput_rps, 1),
        truth_p50_ms=truth.p50_ms,
        truth_p99_ms=truth.p99_ms,
        p50_error_ms=round(visit.r_p50_ms - truth.p50_ms, 3),
        p99_error_ms=round(visit.r_p99_ms - truth.p99_ms, 3),
        late_p99_ms=None if visit.sched_lag_p99_ms is None else round(visit.sched_lag_p99_ms, 3),
    )


def table(samples: Sequence[Sample]) -> list[str]:
    """Markdown."""
    return [
        "| client | generator CPU | users | requests/s | p50 error, ms | p99 error, ms |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {s.client} | {s.generator_cpu:.0%} | {s.users} | {s.rate_rps:,.0f} "
            f"| {s.p50_error_ms:+.2f} | {s.p99_error_ms:+.2f} |"
            for s in samples
        ),
    ]


if __name__ == "__main__":
    main()
