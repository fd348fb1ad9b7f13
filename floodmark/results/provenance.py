"""The provenance of a run: what is needed to repeat it, or to refuse a comparison."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path

from floodmark import __version__
from floodmark.results.record import HostLimits, HostRecord, Revision, Software

ROOT = Path(__file__).resolve().parent.parent.parent


def host_record() -> HostRecord:
    """The kernel, CPU, memory and limits of this host."""
    ports = _numbers("/proc/sys/net/ipv4/ip_local_port_range")
    return HostRecord(
        kernel=platform.release(),
        machine=platform.machine(),
        cpu_model=_cpu_model(),
        cpus=os.cpu_count(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        limits=HostLimits(
            somaxconn=_number("/proc/sys/net/core/somaxconn"),
            file_descriptors=resource.getrlimit(resource.RLIMIT_NOFILE),
            ports=tuple(ports) if ports is not None else None,
            tcp_tw_reuse=_number("/proc/sys/net/ipv4/tcp_tw_reuse"),
        ),
    )


def software() -> Software:
    """The versions of all software that measures."""
    return Software(
        floodmark=_revision(),
        python=platform.python_version(),
        python_build=" ".join(platform.python_build()),
        packages={name: _version(name) for name in ("locust", "gevent", "httptools", "numpy", "scipy", "psutil")},
    )


def config_hash(config: Mapping[str, object]) -> str:
    """A hash of a configuration that does not depend on the order of its keys."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:16]


def app_hash() -> str:
    """A hash of the app, probe and launcher under ``target_apps``."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "target_apps").rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _revision() -> Revision:
    if not (ROOT / ".git").exists():  # installed: a repository further up does not belong to floodmark
        return Revision(version=__version__)

    def run(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    sha = run("rev-parse", "HEAD")
    status = run("status", "--porcelain") if sha else None
    return Revision(version=__version__, git_sha=sha, dirty=bool(status) if status is not None else None)


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _number(path: str) -> int | None:
    numbers = _numbers(path)
    return numbers[0] if numbers else None


def _numbers(path: str) -> list[int] | None:
    try:
        return [int(word) for word in Path(path).read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return None
