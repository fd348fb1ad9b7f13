"""Measures the generator of this host against a null server, once, and caches the result with its provenance."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from floodmark.errors import FloodmarkError
from floodmark.plan.planned_run import LOCUSTFILES
from floodmark.protocol.load_settings import Client, LoadSettings
from floodmark.results.cache import cache_folder
from floodmark.results.document import write_document
from floodmark.results.provenance import host_record, software
from floodmark.run.locust_process import LocustProcess, processes
from floodmark.targets.target import Allotment
from target_apps.serve import ROOT

USERS = 64
WARM_S, MEASURE_S = 2.0, 2.0
START_TIMEOUT_S = 15.0
FILE = "generator.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class NullCeiling:
    """The rate of the generator against a null server."""

    rate_rps: float
    measured: str
    """When it was measured, ISO 8601 UTC."""


def null_ceiling(
    allotment: Allotment, *, client: Client, new_connections: bool, generators: int, announce: Callable[[], None]
) -> NullCeiling:
    """The rate from the cache, or measured now, which takes about six seconds and calls ``announce`` first.

    A cached rate holds for the same host, CPUs, kernel, Python, Locust, floodmark, client and connections.
    """
    file = cache_folder() / FILE
    key = _key(allotment, client, generators, new_connections=new_connections)
    cached = _read(file)
    if key in cached:
        return cached[key]
    announce()
    rate = _measure(allotment, client, generators, new_connections=new_connections)
    ceiling = NullCeiling(rate_rps=round(rate, 1), measured=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    cached[key] = ceiling
    file.parent.mkdir(parents=True, exist_ok=True)
    write_document(file, cached)
    return ceiling


def _key(allotment: Allotment, client: Client, generators: int, *, new_connections: bool) -> str:
    host, versions = host_record(), software()
    revision = versions.floodmark
    facts = [
        host.cpu_model,
        str(host.cpus),
        host.kernel,
        f"Python {versions.python}",
        *(
            f"{name} {version}"
            for name, version in versions.packages.items()
            if name in {"locust", "gevent", "httptools"}
        ),
        f"floodmark {revision.version} {revision.git_sha}{' dirty' if revision.dirty else ''}",
        f"target {','.join(map(str, allotment.target_cpus))}",
        f"generator {','.join(map(str, allotment.generator_cpus))} x{generators}",
        client,
        "new connections" if new_connections else "keep-alive",
    ]
    return " / ".join(facts)


def _read(file: Path) -> dict[str, NullCeiling]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, NullCeiling])
    except (OSError, msgspec.DecodeError):
        return {}


def _measure(allotment: Allotment, client: Client, generators: int, *, new_connections: bool) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "target_apps.null_server", f"127.0.0.1:{port}"]
    cpus = set(allotment.target_cpus)
    server = subprocess.Popen(
        [*command, "--close"] if new_connections else command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()
        return _drive(url, allotment.generator_cpus, client, generators, new_connections=new_connections)
    finally:
        server.kill()
        server.wait()


def _drive(url: str, cpus: Sequence[int], client: Client, generators: int, *, new_connections: bool) -> float:
    with tempfile.TemporaryDirectory(prefix="floodmark-") as folder:
        arguments = ["--headless", "-u", str(USERS), "-r", "100000", "--only-summary", *processes(generators)]
        settings = LoadSettings(client=client, new_connections=new_connections)
        locust = LocustProcess(
            LOCUSTFILES / "url.py",
            url,
            arguments,
            settings,
            Path(folder),
            log=Path(folder) / "log",
            cpus=cpus,
        )
        try:
            _wait_for_load(url, locust)
            time.sleep(WARM_S)
            before, begun = _count(url), time.monotonic()
            time.sleep(MEASURE_S)
            return (_count(url) - before) / (time.monotonic() - begun)
        finally:
            locust.stop()


def _wait_for_load(url: str, locust: LocustProcess) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while _count(url) < USERS:
        if locust.ended() is not None or time.monotonic() > deadline:
            raise FloodmarkError("the generator could not be measured: Locust did not load the null server")
        time.sleep(0.05)


def _count(url: str) -> int:
    with urllib.request.urlopen(f"{url}/count", timeout=5) as answer:
        return int(answer.read())
