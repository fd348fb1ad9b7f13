"""What this host lacks, and the mend."""

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
    """One thing looked at. mend is empty where all is well."""

    what: str
    seen: str
    mend: str = ""


def examine() -> list[Finding]:
    """Look at everything; starts nothing."""
    host = read_host()
    return [_cpus(), _descriptors(), _somaxconn(), *_network(host), _tasks(host), _engine(), *_servers()]


def _cpus() -> Finding:
    usable = len(os.sched_getaffinity(0))
    mend = "" if usable >= 2 else "with one CPU, target and generator share it: compare only runs of this host"
    return Finding("CPUs", f"{usable} usable", mend)


def _descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    mend = "" if hard >= 10_000 else "raise it (ulimit -n 10000), or keep [search] max_users below it"
    return Finding("file descriptors", f"{soft}, at most {hard}", mend)


def _somaxconn() -> Finding:
    try:
        limit = int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return Finding("net.core.somaxconn", "unreadable")
    mend = "" if limit >= 2048 else "sysctl -w net.core.somaxconn=4096; servers' backlogs are cut to it in silence"
    return Finding("net.core.somaxconn", str(limit), mend)


def _network(host: Host) -> list[Finding]:
    held = host.syncookies or host.syn_backlog is None or host.syn_backlog >= 2048
    reusable = host.tw_reuse != 0
    return [
        Finding(
            "SYN queue",
            f"net.ipv4.tcp_max_syn_backlog {host.syn_backlog}, cookies {'on' if host.syncookies else 'off'}",
            "" if held else "sysctl -w net.ipv4.tcp_syncookies=1; a burst of connections is dropped otherwise",
        ),
        Finding(
            "ports",
            f"{host.ports}, net.ipv4.tcp_tw_reuse {host.tw_reuse}",
            ""
            if reusable
            else "sysctl -w net.ipv4.tcp_tw_reuse=2; without, new connections per second are limited to ports / 60",
        ),
    ]


def _tasks(host: Host) -> Finding:
    if host.tasks is None:
        return Finding("processes, threads", "no limit below the kernel's own")
    mend = "" if host.tasks >= 4096 else "raise pids.max or ulimit -u; a server of many threads may not start them"
    return Finding("processes, threads", f"{host.tasks} more", mend)


def _engine() -> Finding:
    reason = compose.unavailable()
    if reason is None:
        return Finding("Docker Compose", "answers")
    mend = "start Docker with Compose v2 for containers; --backend process works without"
    if shutil.which("docker") is None:
        mend = "install Docker with Compose v2 for containers; --backend process works without"
    return Finding("Docker Compose", reason, mend)


def _servers() -> list[Finding]:
    findings = []
    for name in servers.names():
        server = servers.find(name)
        reason = servers.missing(server)
        findings.append(Finding(name, reason or server.version() or "installed", server.mend if reason else ""))
    return findings
