"""Finds limits of the operating system and the server that a run would reach, before any load."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from floodmark.plan.planned_run import PlannedRun
from floodmark.plan.scenario import DEFAULT_MAX_USERS
from floodmark.results.provenance import host_record
from floodmark.verdict.enums import Model

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
SPARE_FILES = 64
"""File descriptors that a process needs besides its connections, for libraries, logs and pipes."""
LOCUST_FILES = 10_000
TIME_WAIT_S = 60
FEW = 16
"""A search seldom needs more connections than this multiple of the slots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The limits of this host; None: unknown or unlimited."""

    somaxconn: int | None = None
    files_soft: int | None = None
    """Soft limit of file descriptors per process."""
    files_hard: int | None = None
    """Hard limit of file descriptors per process."""
    ports: int | None = None
    tw_reuse: int | None = None
    syn_backlog: int | None = None
    syncookies: bool = True
    """Whether connections are accepted even if the SYN queue is full."""
    tasks: int | None = None
    """Processes and threads that can still be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """What a run may need."""

    users: int
    """The users asked for, or those that a search for this number of slots is likely to try."""
    backlog: int | None = None
    cap: int | None = None
    """The most connections that the server holds."""
    per_process: int | None = None
    """Connections of one process of the target, if it has the same limits as this process."""
    new_connections: bool = False
    rate_rps: float | None = None
    """Open model: arrivals per second."""
    tasks: int | None = None
    """Processes and threads of the target, if it has the same limits as this process."""
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A limit that the run would reach."""

    limit: str
    allowed: float
    wanted: float
    text: str
    """The warning for people."""


def read_host(proc: Path = PROC, cgroups: Path = CGROUPS) -> Host:
    """Read the limits of this host."""
    limits = host_record().limits
    ports, descriptors = limits.ports, limits.file_descriptors
    soft, hard = descriptors if descriptors is not None else (-1, -1)
    cookies = _number(proc / "sys/net/ipv4/tcp_syncookies")
    return Host(
        somaxconn=limits.somaxconn,
        files_soft=_finite(soft),
        files_hard=_finite(hard),
        ports=ports[1] - ports[0] + 1 if ports and len(ports) == 2 else None,
        tw_reuse=limits.tcp_tw_reuse,
        syn_backlog=_number(proc / "sys/net/ipv4/tcp_max_syn_backlog"),
        syncookies=cookies != 0,
        tasks=_tasks_left(proc, cgroups),
    )


def wants(planned: PlannedRun, backend: str) -> Wants:
    """What a planned run may need."""
    target, scenario = planned.target, planned.scenario
    load = scenario.load
    new, rate = load.new_connections, load.rate_rps if load.model is Model.OPEN else None
    users = scenario.search.max_users or DEFAULT_MAX_USERS
    if target is None:
        return Wants(users=users, new_connections=new, rate_rps=rate)
    slots = target.nominal_slots
    if slots is not None and scenario.search.max_users is None:
        users = min(users, FEW * slots)
    cap, backlog = target.server.connection_cap(target.settings), target.settings.get("backlog")
    held = users if cap is None else min(cap, users)
    processes = target.server.expected_processes(target.settings) or 0
    local = backend == "process"
    return Wants(
        users=users,
        backlog=backlog if isinstance(backlog, int) else None,
        cap=cap,
        per_process=held if local else None,
        new_connections=new,
        rate_rps=rate,
        tasks=processes + min(held, slots or held) if local else None,
        server=target.server.name,
    )


def binding(host: Host, wanted: Wants) -> list[Binding]:
    """The limits of the host that bind. Pure."""
    checks: list[Callable[[Host, Wants], Binding | None]] = [
        _cap,
        _accept_queue,
        _syn_queue,
        _generator_files,
        _target_files,
        _ports,
        _port_rate,
        _tasks,
    ]
    return [limit for check in checks if (limit := check(host, wanted)) is not None]


def binding_of(planned: PlannedRun, backend: str) -> list[Binding]:
    """The limits of this host that bind a planned run."""
    return binding(read_host(), wants(planned, backend))


def _cap(_host: Host, w: Wants) -> Binding | None:
    if w.cap is None or w.cap >= w.users:
        return None
    return Binding(
        limit="connections",
        allowed=w.cap,
        wanted=w.users,
        text=f"{w.server} holds {w.cap} connections, including idle ones, and further users would starve, so "
        f"the search stops at {w.cap} users; raise [server] connections to go beyond",
    )


def _accept_queue(host: Host, w: Wants) -> Binding | None:
    if host.somaxconn is None or w.backlog is None or host.somaxconn >= w.backlog:
        return None
    return Binding(
        limit="net.core.somaxconn",
        allowed=host.somaxconn,
        wanted=w.backlog,
        text=f"the accept queue holds {host.somaxconn}, not {w.backlog}: net.core.somaxconn "
        f"(sysctl -w net.core.somaxconn={max(4096, w.backlog)})",
    )


def _syn_queue(host: Host, w: Wants) -> Binding | None:
    # With SYN cookies a full queue drops no connections. Without, the kernel reserves a quarter of it.
    if host.syncookies or host.syn_backlog is None or w.backlog is None:
        return None
    holds = host.syn_backlog * 3 // 4
    if holds >= min(w.backlog, w.users):
        return None
    return Binding(
        limit="net.ipv4.tcp_max_syn_backlog",
        allowed=holds,
        wanted=min(w.backlog, w.users),
        text=f"at most {holds} connections can be half open, not {min(w.backlog, w.users)}: "
        "net.ipv4.tcp_max_syn_backlog, with net.ipv4.tcp_syncookies = 0",
    )


def _generator_files(host: Host, w: Wants) -> Binding | None:
    # Locust raises its own soft limit, but not beyond LOCUST_FILES.
    soft, hard = host.files_soft, host.files_hard
    limit = soft if hard is None or soft is None else max(soft, min(hard, LOCUST_FILES))
    return _files(limit, w.users, "the generator", "ulimit -n", "or a lower [search] max_users")


def _target_files(host: Host, w: Wants) -> Binding | None:
    if w.per_process is None:
        return None
    return _files(host.files_soft, w.per_process, "a process of the target", "ulimit -n", "before the run")


def _files(limit: int | None, connections: int, who: str, how: str, otherwise: str) -> Binding | None:
    wanted = connections + SPARE_FILES
    if limit is None or limit >= wanted:
        return None
    return Binding(
        limit="RLIMIT_NOFILE",
        allowed=limit,
        wanted=wanted,
        text=f"{who} can have {limit} files open, so about {max(0, limit - SPARE_FILES)} connections, "
        f"not {connections}: RLIMIT_NOFILE ({how} {wanted}, {otherwise})",
    )


def _ports(host: Host, w: Wants) -> Binding | None:
    if host.ports is None or host.ports >= w.users:
        return None
    return Binding(
        limit="net.ipv4.ip_local_port_range",
        allowed=host.ports,
        wanted=w.users,
        text=f"there are local ports for {host.ports} connections at once, not {w.users}: net.ipv4.ip_local_port_range",
    )


def _port_rate(host: Host, w: Wants) -> Binding | None:
    """If the client closes first, its port is free again after a second, or without reuse after TIME_WAIT."""
    if host.ports is None or host.tw_reuse is None or not w.new_connections:
        return None
    rate = host.ports / (TIME_WAIT_S if host.tw_reuse == 0 else 1)
    enough = rate >= w.rate_rps if w.rate_rps is not None else host.tw_reuse != 0
    if enough:
        return None
    return Binding(
        limit="net.ipv4.tcp_tw_reuse" if host.tw_reuse == 0 else "net.ipv4.ip_local_port_range",
        allowed=rate,
        wanted=w.rate_rps or rate,
        text=f"{host.ports} ports allow {rate:.0f} new connections a second if the client closes first: "
        + ("net.ipv4.tcp_tw_reuse = 0 (2 suffices on one machine)" if host.tw_reuse == 0 else "ip_local_port_range"),
    )


def _tasks(host: Host, w: Wants) -> Binding | None:
    if host.tasks is None or w.tasks is None or host.tasks >= w.tasks:
        return None
    return Binding(
        limit="pids",
        allowed=host.tasks,
        wanted=w.tasks,
        text=f"{host.tasks} more processes and threads can be started here, and the target may need {w.tasks}: "
        "pids.max of this cgroup, or ulimit -u",
    )


def _tasks_left(proc: Path, cgroups: Path) -> int | None:
    """Processes and threads that can still be started, by the limits of this process's cgroups and user."""
    left = []
    try:
        lines = (proc / "self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, names, path = line.split(":", 2)
        if names not in {"", "pids"}:
            continue
        folder = (cgroups / "pids" if names else cgroups) / path.lstrip("/")
        while folder != cgroups.parent and cgroups in [folder, *folder.parents]:
            limit, now = _number(folder / "pids.max"), _number(folder / "pids.current")
            if limit is not None and now is not None:
                left.append(max(0, limit - now))
            folder = folder.parent
    soft = _finite(resource.getrlimit(resource.RLIMIT_NPROC)[0])
    if soft is not None and os.geteuid() != 0:
        left.append(soft)
    return min(left, default=None)


def _finite(limit: int) -> int | None:
    return None if limit in {resource.RLIM_INFINITY, -1} else limit


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
