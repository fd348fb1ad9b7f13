"""Memory per user of one process, and whether it still serves them all: 1 000 to 10 000 users, a target of 1 s."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.delay_target import delay_target
from benchmarks.record import RESULTS, write
from benchmarks.visit import visit_once
from floodmark.verdict.visit import Visit

TARGET_CPU, GENERATOR_CPU = 0, 1
USERS = (100, 1000, 5000, 10000)
SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One visit. kb_per_user: resident memory beyond that with the fewest users, per user more."""

    client: str
    users: int
    rss_kb: int
    kb_per_user: float
    rate_rps: float
    errors: int
    generator_cpu: float
    p99_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", default="step,lean")
    parser.add_argument("--out", type=Path, default=RESULTS / "memory.csv")
    options = parser.parse_args()
    samples: list[Sample] = []
    with delay_target(8312, 1000.0, TARGET_CPU) as target:
        for client in options.clients.split(","):
            base: tuple[int, int] | None = None
            for users in USERS:
                visit, rss = measure(target.url, client, users)
                base = base or (users, rss)
                more = users - base[0]
                samples.append(
                    Sample(
                        client=client,
                        users=users,
                        rss_kb=rss,
                        kb_per_user=round((rss - base[1]) / more, 2) if more else 0.0,
                        rate_rps=round(visit.goodput_rps, 1),
                        errors=visit.errors,
                        generator_cpu=round(visit.gen_cpu_max or 0.0, 3),
                        p99_ms=round(visit.r_p99_ms or 0.0, 1),
                    )
                )
                print(f"  {samples[-1]}", file=sys.stderr)
    write(options.out, Sample, samples)
    print("\n".join(table(samples)))


def measure(url: str, client: str, users: int) -> tuple[Visit, int]:
    """One visit, and the memory in its middle."""
    seen: list[int] = []
    visit = visit_once(client, url, users, SECONDS, GENERATOR_CPU, lambda pid: seen.append(rss_kb(pid)))
    return visit, seen[0]


def rss_kb(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit("no VmRSS")


def table(samples: Sequence[Sample]) -> list[str]:
    """Markdown."""
    return [
        "| client | users | memory per user, kB | requests/s | errors | generator CPU | p99, ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {s.client} | {s.users:,} | {s.kb_per_user or '-'} | {s.rate_rps:,.0f} | {s.errors} "
            f"| {s.generator_cpu:.0%} | {f'{s.p99_ms:,.0f}' if s.p99_ms else '-'} |"
            for s in samples
        ),
    ]


if __name__ == "__main__":
    main()
