"""How much CPU a request costs each load generator: interleaved, pinned, against a target that does nothing.

Requests are counted by the target, CPU is read from the generator's own process, both over the same window in
the steady part of the run. Every client has its turn in every round, in an order drawn anew; the table gives
medians, and ratios are formed within rounds.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.null_target import NullTarget
from benchmarks.record import Record, write

HERE = Path(__file__).parent
CLIENTS = ("step", "lean", "fast", "http", "wrk")
TARGET_CPU, GENERATOR_CPU = 0, 1
WARM_S, MEASURE_S = 2.0, 2.0
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Record):
    """One client's turn in one round. us_per_request: CPU of the generator; per_cpu_s: its inverse, per second."""

    round: int
    connections: str
    users: int
    client: str
    requests: int
    seconds: float
    rate_rps: float
    generator_cpu: float
    us_per_request: float
    per_cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", default="50,200")
    parser.add_argument("--clients", default=",".join(CLIENTS))
    parser.add_argument("--connections", default="keepalive,new")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "generator.csv")
    options = parser.parse_args()
    clients = options.clients.split(",")
    if "wrk" in clients and shutil.which("wrk") is None:
        raise SystemExit("this benchmark needs wrk: apt-get install wrk, or leave it out with --clients")
    samples: list[Sample] = []
    cases = [(c, int(u)) for c in options.connections.split(",") for u in options.users.split(",")]
    total = options.rounds * len(cases) * len(clients)
    for number in range(options.rounds):
        for connections, users in cases:
            with NullTarget(8300, keepalive=connections == "keepalive", cpu=TARGET_CPU) as target:
                for client in random.sample(clients, len(clients)):
                    samples.append(turn(target, client, number, connections, users))
                    left_s = (total - len(samples)) * (WARM_S + MEASURE_S + 2.5)
                    print(f"  {samples[-1]}  {left_s:4.0f} s left", file=sys.stderr)
    write(options.out, Sample, samples)
    print("\n".join(table(samples)))


def turn(target: NullTarget, client: str, number: int, connections: str, users: int) -> Sample:
    """Run one client for a while, and measure it in the middle."""
    process = start(client, target.url, users)
    try:
        time.sleep(WARM_S)
        before = (target.served(), cpu_s(process.pid), time.monotonic())
        time.sleep(MEASURE_S)
        after = (target.served(), cpu_s(process.pid), time.monotonic())
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    requests, cpu, seconds = (b - a for a, b in zip(before, after, strict=True))
    return Sample(
        round=number,
        connections=connections,
        users=users,
        client=client,
        requests=int(requests),
        seconds=round(seconds, 4),
        rate_rps=round(requests / seconds, 1),
        generator_cpu=round(cpu / seconds, 4),
        us_per_request=round(1e6 * cpu / requests, 3),
        per_cpu_s=round(requests / cpu, 1),
    )


def start(client: str, url: str, users: int) -> subprocess.Popen[bytes]:
    """Start a generator on its CPU."""
    if client == "wrk":
        command: Sequence[str] = ["wrk", "-t1", f"-c{users}", "-d60", url + "/"]
    else:
        command = [
            *(sys.executable, "-m", "locust", "-f", str(HERE / "clients.py"), "-H", url, "--headless"),
            *("-u", str(users), "-r", "100000", "--only-summary", "--loglevel", "ERROR"),
        ]
    return subprocess.Popen(
        command,
        env={**os.environ, "BENCHMARK_CLIENT": client},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {GENERATOR_CPU}),
    )


def cpu_s(pid: int) -> float:
    """User and system CPU time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def table(samples: Sequence[Sample]) -> list[str]:
    """Markdown: median per case, ratios against FastHttpUser and wrk within rounds, with their range."""
    lines = [
        "| connections | users | client | us/request | requests per CPU-second | x FastHttpUser | of wrk |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for connections, users in dict.fromkeys((s.connections, s.users) for s in samples):
        here = [s for s in samples if (s.connections, s.users) == (connections, users)]
        for client in dict.fromkeys(s.client for s in sorted(here, key=lambda s: CLIENTS.index(s.client))):
            mine = [s for s in here if s.client == client]
            cells = [
                connections,
                str(users),
                client,
                f"{statistics.median(s.us_per_request for s in mine):.1f}",
                f"{statistics.median(s.per_cpu_s for s in mine):,.0f}",
                _ratio(mine, [s for s in here if s.client == "fast"]),
                _ratio(mine, [s for s in here if s.client == "wrk"]),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _ratio(mine: Sequence[Sample], base: Sequence[Sample]) -> str:
    by_round = {s.round: s.per_cpu_s for s in base}
    ratios = sorted(s.per_cpu_s / by_round[s.round] for s in mine if s.round in by_round)
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if ratios else ""


if __name__ == "__main__":
    main()
