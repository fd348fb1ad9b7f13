"""Examines what this host lacks, and how to fix it."""

from __future__ import annotations

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from floodmark.plan.host_limits import Host, read_host
from floodmark.targets import compose, servers


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    what: str
    value: str
    fix: str = ""
    """What to do; empty if all is well."""


def examine() -> list[Finding]:
    """Run all checks, without starting anything."""
    host = read_host()
    return [_cpus(), _descriptors(), _somaxconn(), *_network(host), _tasks(host), _engine(), *_servers()]


def _cpus() -> Finding:
    usable = len(os.sched_getaffinity(0))
    fix = "" if usable >= 2 else "with a single CPU, target and generator share it: only compare runs of this host"
    return Finding("CPUs", f"{usable} usable", fix)


def _descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fix = "" if hard >= 10_000 else "raise it (ulimit -n 10000), or keep [search] max_users below it"
    return Finding("file descriptors", f"{soft}, at most {hard}", fix)


def _somaxconn() -> Finding:
    try:
        limit = int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return Finding("net.core.somaxconn", "unreadable")
    fix = (
        "" if limit >= 2048 else "sysctl -w net.core.somaxconn=4096; the kernel silently limits servers' backlogs to it"
    )
    return Finding("net.core.somaxconn", str(limit), fix)


def _network(host: Host) -> list[Finding]:
    large_enough = host.syncookies or host.syn_backlog is None or host.syn_backlog >= 2048
    reusable = host.tw_reuse != 0
    return [
        Finding(
            "SYN queue",
            f"net.ipv4.tcp_max_syn_backlog {host.syn_backlog}, cookies {'on' if host.syncookies else 'off'}",
            "" if large_enough else "sysctl -w net.ipv4.tcp_syncookies=1; otherwise bursts of connections are dropped",
        ),
        Finding(
            "ports",
            f"{host.ports}, net.ipv4.tcp_tw_reuse {host.tw_reuse}",
            ""
            if reusable
            else "sysctl -w net.ipv4.tcp_tw_reuse=2; otherwise new connections per second are limited to ports / 60",
        ),
    ]


def _tasks(host: Host) -> Finding:
    if host.tasks is None:
        return Finding("processes, threads", "no limit below the kernel's own")
    fix = "" if host.tasks >= 4096 else "raise pids.max or ulimit -u; a server may be unable to start its threads"
    return Finding("processes, threads", f"{host.tasks} more", fix)


def _engine() -> Finding:
    reason = compose.unavailable()
    if reason is None:
        return Finding("Docker Compose", "answers")
    fix = "start Docker with Compose v2 for containers; --backend process works without"
    if shutil.which("docker") is None:
        fix = "install Docker with Compose v2 for containers; --backend process works without"
    return Finding("Docker Compose", reason, fix)


def _servers() -> list[Finding]:
    findings = []
    for name in servers.names():
        server = servers.find(name)
        reason = servers.missing(server)
        findings.append(Finding(name, reason or server.version() or "installed", server.fix if reason else ""))
    return findings
