"""How much CPU a request costs each load generator: interleaved, pinned, against a target that does nothing.

All generators of a case are up at once, and stopped (SIGSTOP) but for the one whose turn it is: turns are half a second
long, so that what a shared machine does to one it does to all. Requests are counted by the target, CPU is read from the
scheduler's own count for the generator's process. Every generator has its turn in every round, in an order drawn anew;
ratios are formed within rounds, and the table gives medians.
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
from benchmarks.record import RESULTS, write

HERE = Path(__file__).parent
CLIENTS = ("step", "lean", "fast", "http", "wrk")
TARGET_CPU, GENERATOR_CPU = 0, 1
MARKS = {
    ("keepalive", "step"): {"fast": 10.0, "wrk": 0.9},
    ("keepalive", "lean"): {"fast": 5.0, "wrk": 0.42},
    ("new", "step"): {"fast": 3.4, "wrk": 0.8},
    ("new", "lean"): {"fast": 3.0, "wrk": 0.65},
}
"""What ours are to reach, as multiples of another client's requests per CPU-second."""
WARM_S, SETTLE_S, MEASURE_S = 2.0, 0.1, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
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
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--users", default="50,200")
    parser.add_argument("--clients", default=",".join(CLIENTS))
    parser.add_argument("--connections", default="keepalive,new")
    parser.add_argument("--out", type=Path, default=RESULTS / "generator.csv")
    parser.add_argument("--note", default="", help="what else a reader should know of the run; kept beside it")
    options = parser.parse_args()
    clients = options.clients.split(",")
    if "wrk" in clients and shutil.which("wrk") is None:
        raise SystemExit("this benchmark needs wrk: apt-get install wrk, or leave it out with --clients")
    samples: list[Sample] = []
    cases = [(c, int(u)) for c in options.connections.split(",") for u in options.users.split(",")]
    for number, (connections, users) in enumerate(cases):
        left_s = (len(cases) - number) * len(clients) * (WARM_S + options.rounds * (SETTLE_S + MEASURE_S + 0.1))
        print(f"  {connections}, {users} users; {left_s:4.0f} s left", file=sys.stderr)
        with NullTarget(8300, keepalive=connections == "keepalive", cpu=TARGET_CPU) as target:
            samples += case(target, clients, connections, users, options.rounds)
    write(options.out, Sample, samples, note=options.note)
    print("\n".join([*table(samples), "", *marks(samples)]))


def case(target: NullTarget, clients: Sequence[str], connections: str, users: int, rounds: int) -> list[Sample]:
    """All clients against one target, by turns."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    samples = []
    try:
        for client in clients:
            processes[client] = start(client, target.url, users)
            time.sleep(WARM_S)
            processes[client].send_signal(signal.SIGSTOP)
        for number in range(rounds):
            order = random.sample(clients, len(clients))
            samples += [turn(target, client, processes[client], number, connections, users) for client in order]
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    return samples


def turn(
    target: NullTarget, client: str, process: subprocess.Popen[bytes], number: int, connections: str, users: int
) -> Sample:
    """Let one client run for a while, and measure it at the end."""
    process.send_signal(signal.SIGCONT)
    time.sleep(SETTLE_S)
    before = (target.served(), cpu_s(process.pid), time.monotonic())
    time.sleep(MEASURE_S)
    after = (target.served(), cpu_s(process.pid), time.monotonic())
    process.send_signal(signal.SIGSTOP)
    requests, cpu, seconds = (b - a for a, b in zip(before, after, strict=True))
    if not requests:
        raise SystemExit(f"{client} sent nothing in {seconds:.1f} s")
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
        command: Sequence[str] = ["wrk", "-t1", f"-c{users}", "-d600", url + "/"]
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
    """CPU time of a process with all its threads, as the scheduler counts it."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def table(samples: Sequence[Sample]) -> list[str]:
    """Markdown: median per case, ratios against FastHttpUser and wrk within rounds, with their quartiles."""
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


def marks(samples: Sequence[Sample]) -> list[str]:
    """Which marks were missed, and how many were met."""
    lines, total = [], 0
    for connections, users in dict.fromkeys((s.connections, s.users) for s in samples):
        here = [s for s in samples if (s.connections, s.users) == (connections, users)]
        for client in ("step", "lean"):
            for other, least in MARKS[connections, client].items():
                found = _ratios([s for s in here if s.client == client], [s for s in here if s.client == other])
                total += bool(found)
                if found and statistics.median(found) < least:
                    lines.append(
                        f"missed: {connections}, {users} users, {client}: {statistics.median(found):.3f} of"
                        f" {other}, to be {least:g}"
                    )
    return [*lines, f"{total - len(lines)} of {total} marks met"]


def _ratios(mine: Sequence[Sample], base: Sequence[Sample]) -> list[float]:
    by_round = {s.round: s.per_cpu_s for s in base}
    return [s.per_cpu_s / by_round[s.round] for s in mine if s.round in by_round]


def _ratio(mine: Sequence[Sample], base: Sequence[Sample]) -> str:
    ratios = _ratios(mine, base)
    if len(ratios) < 2:
        return "".join(f"{ratio:.2f}" for ratio in ratios)
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
