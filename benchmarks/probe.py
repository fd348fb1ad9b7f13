"""What the WSGI probe costs a server: CPU per request of the target, with it and without it.

Both variants of a server are up at once, pinned to one CPU, and take turns in every round, so that both see the same
machine; the next round starts them anew, because two starts of the same server differ. The ratio is formed within a
round. Requests are counted by this client, which waits for every one of them; CPU is read from the scheduler's own
account of every thread of the target.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.record import RESULTS, write
from floodmark.stats.intervals import median_interval
from target_apps import ledger
from target_apps.serve import ROOT

SERVERS = ("gunicorn-sync", "gunicorn-gthread", "uwsgi", "waitress")
VARIANTS = ("with", "without")
BAR = 0.03
"""The probe may cost so much of a request's CPU."""
TARGET_CPU, CLIENT_CPU = 0, 1
USERS = 8
WARM_REQUESTS, TURN_REQUESTS, TURNS = 400, 1000, 4
PATH, MARKER = "/hello", b"floodmark:hello"
READY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One server's round: CPU per request of each variant, over all its turns, and with over without."""

    round: int
    server: str
    requests: int
    with_us: float
    without_us: float
    ratio: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.probe", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--port", type=int, default=8320, help="and the next one")
    parser.add_argument("--out", type=Path, default=RESULTS / "probe.csv")
    options = parser.parse_args()
    samples: list[Sample] = []
    servers = options.servers.split(",")
    os.sched_setaffinity(0, {CLIENT_CPU})
    begun = time.monotonic()
    for number in range(options.rounds):
        for server in random.sample(servers, len(servers)):
            samples.append(take(server, number, options.port))
            left_s = (time.monotonic() - begun) * (options.rounds * len(servers) / len(samples) - 1)
            print(f"  {samples[-1]}  {left_s:4.0f} s left", file=sys.stderr)
    write(options.out, Sample, samples)
    print("\n".join(table(samples)))


def take(server: str, number: int, port: int) -> Sample:
    """One round of one server."""
    cpu_s, requests = dict.fromkeys(VARIANTS, 0.0), 0
    with contextlib.ExitStack() as stack:
        ports = dict(zip(random.sample(VARIANTS, 2), (port, port + 1), strict=True))
        up = {name: stack.enter_context(started(server, ports[name], probed=name == "with")) for name in VARIANTS}
        for name in VARIANTS:
            load(ports[name], WARM_REQUESTS)
        for _ in range(TURNS):
            for name in random.sample(VARIANTS, 2):
                before = cpu_of(up[name])
                load(ports[name], TURN_REQUESTS)
                cpu_s[name] += cpu_of(up[name]) - before
            requests += TURN_REQUESTS
    return Sample(
        round=number,
        server=server,
        requests=requests,
        with_us=round(1e6 * cpu_s["with"] / requests, 3),
        without_us=round(1e6 * cpu_s["without"] / requests, 3),
        ratio=round(cpu_s["with"] / cpu_s["without"], 5),
    )


@contextlib.contextmanager
def started(server: str, port: int, *, probed: bool) -> Iterator[psutil.Process]:
    """A server on its CPU, once it answers."""
    path = Path(f"/dev/shm/floodmark-benchmark-{os.getpid()}-{port}")
    ledger.create(path)
    process = subprocess.Popen(
        [sys.executable, "-m", "target_apps.serve", server, "--bind", f"127.0.0.1:{port}"],
        cwd=ROOT,
        env={
            **os.environ,
            "FLOODMARK_CPUS": str(TARGET_CPU),
            "FLOODMARK_DIE_WITH_PARENT": str(os.getpid()),
            "FLOODMARK_LEDGER": str(path),
            "FLOODMARK_PROBE": "on" if probed else "off",
            "PYTHONHASHSEED": "0",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_ready(process, server, port)
        yield psutil.Process(process.pid)
    finally:
        tree = [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        for survivor in psutil.wait_procs(tree, timeout=2)[1]:
            survivor.kill()
        process.kill()
        process.wait()
        path.unlink(missing_ok=True)


def _wait_until_ready(process: subprocess.Popen[bytes], server: str, port: int) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            ask(http.client.HTTPConnection("127.0.0.1", port, timeout=5))
        except (OSError, http.client.HTTPException):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{server} does not serve; try: python -m target_apps.serve {server}") from None
            time.sleep(0.1)
        else:
            return


def load(port: int, requests: int) -> None:
    """Send so many requests, from a few users with a connection each, and wait for every answer."""
    threads = [threading.Thread(target=_user, args=(port, requests // USERS)) for _ in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _user(port: int, requests: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(requests):
        ask(connection)
    connection.close()


def ask(connection: http.client.HTTPConnection) -> None:
    """One request; http.client connects anew where the server closes. Raises OSError or HTTPException."""
    connection.request("GET", PATH)
    if MARKER not in connection.getresponse().read():
        raise http.client.HTTPException("wrong answer")


def cpu_of(root: psutil.Process) -> float:
    """CPU time of every thread of a process tree, s, in the scheduler's nanoseconds."""
    total = 0
    for process in (root, *root.children(recursive=True)):
        for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(path.read_text(encoding="ascii").split()[0])
    return total / 1e9


def table(samples: Sequence[Sample]) -> list[str]:
    """Markdown: medians, and the cost with its interval."""
    lines = [
        "| server | without, us per request | with, us | the probe's share | at most 3 % |",
        "|---|---:|---:|---:|---|",
    ]
    for server in sorted({s.server for s in samples}):
        mine = [s for s in samples if s.server == server]
        cost = median_interval([s.ratio for s in mine])
        cells = [
            server,
            f"{statistics.median(s.without_us for s in mine):.1f}",
            f"{statistics.median(s.with_us for s in mine):.1f}",
            f"{cost.value - 1:.1%} [{cost.lo - 1:.1%}, {cost.hi - 1:.1%}], {len(mine)} rounds",
            "yes" if cost.hi - 1 <= BAR else "no" if cost.lo - 1 > BAR else "open",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
