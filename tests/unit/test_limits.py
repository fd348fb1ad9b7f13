"""Limits that bind are named before any load; those that do not are not."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from floodmark.errors import OutOfMemory, UsageError
from floodmark.plan.host_limits import Host, Wants, binding, read_host, wants
from floodmark.plan.planned_run import PlannedRun, named_scenarios, plan_all
from floodmark.targets.memory import HostKills, MemoryGroup, MemoryUse, out_of_memory, tells_of_a_kill

BIND = ("127.0.0.1", 8000)


def make_plan(
    names: Sequence[str],
    *,
    overrides: Iterable[str] = (),
    workload: str | None = None,
    repeat: int = 1,
    quick: bool = False,
) -> list[PlannedRun]:
    scenarios = named_scenarios(names, overrides, workload)
    return plan_all(scenarios, bind=BIND, quick=quick, repeat=repeat, seed=1)


ROOMY = Host(
    somaxconn=4096,
    files_soft=20_000,
    files_hard=20_000,
    ports=28_232,
    tw_reuse=2,
    syn_backlog=4096,
    tasks=30_000,
)
MODEST = Wants(users=128, backlog=2048, cap=2000, per_process=128, tasks=10, server="gunicorn-gthread")


def test_an_ordinary_run_on_a_roomy_host_is_bound_by_nothing() -> None:
    assert binding(ROOMY, MODEST) == []
    assert binding(Host(), MODEST) == []


@pytest.mark.parametrize(
    ("host", "wanted", "limit", "text"),
    [
        ({"somaxconn": 128}, {}, "net.core.somaxconn", "the accept queue holds 128, not 2048: net.core.somaxconn"),
        (
            {"files_soft": 100, "files_hard": 150},
            {"per_process": None},
            "RLIMIT_NOFILE",
            "the generator can have 150 files",
        ),
        ({"files_soft": 150}, {}, "RLIMIT_NOFILE", "a process of the target can have 150 files open"),
        ({"ports": 100}, {}, "net.ipv4.ip_local_port_range", "ports for 100 connections at once, not 128"),
        (
            {"tw_reuse": 0, "ports": 6000},
            {"new_connections": True},
            "net.ipv4.tcp_tw_reuse",
            "6000 ports allow 100 new connections a second",
        ),
        (
            {"ports": 500},
            {"new_connections": True, "rate_rps": 600.0},
            "net.ipv4.ip_local_port_range",
            "500 ports allow 500 new connections a second",
        ),
        (
            {"syncookies": False, "syn_backlog": 128},
            {},
            "net.ipv4.tcp_max_syn_backlog",
            "at most 96 connections can be half open, not 128",
        ),
        ({"tasks": 5}, {}, "pids", "5 more processes and threads can be started here"),
        ({}, {"cap": 16}, "connections", "gunicorn-gthread holds 16 connections, including idle ones"),
    ],
)
def test_a_limit_that_binds_is_named(host: dict[str, object], wanted: dict[str, object], limit: str, text: str) -> None:
    (found,) = binding(
        Host(**{**_fields(ROOMY), **host}),  # type: ignore[arg-type]
        Wants(**{**_fields(MODEST), **wanted}),  # type: ignore[arg-type]
    )
    assert found.limit == limit
    assert text in found.text
    assert found.allowed <= found.wanted


def _fields(of: Host | Wants) -> dict[str, object]:
    return {name: getattr(of, name) for name in of.__dataclass_fields__}


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ({"syncookies": True, "syn_backlog": 16}, {}),
        ({"tw_reuse": 0}, {}),
        ({"tw_reuse": 0, "ports": 6000}, {"new_connections": True, "rate_rps": 50.0}),
        ({"somaxconn": 16}, {"backlog": None}),
        ({"tasks": 5}, {"tasks": None}),
        # Locust raises its own soft limit; a container has another than ours.
        ({"files_soft": 100}, {"per_process": None}),
    ],
)
def test_a_limit_that_cannot_be_met_is_not_named(host: dict[str, object], wanted: dict[str, object]) -> None:
    found = binding(
        Host(**{**_fields(ROOMY), **host}),  # type: ignore[arg-type]
        Wants(**{**_fields(MODEST), **wanted}),  # type: ignore[arg-type]
    )
    assert found == []


def test_what_a_run_wants_is_what_it_was_told_or_what_its_slots_make_likely() -> None:
    (gthread, gevent) = make_plan(["gthread", "gevent"])
    assert (wants(gthread, "process").users, wants(gthread, "process").per_process) == (128, 128)
    assert wants(gthread, "compose").per_process is None
    assert wants(gevent, "process").users == 4000
    (told,) = make_plan(["gthread"], overrides=["search.max_users=1500"])
    assert wants(told, "process").users == 1500


def test_users_the_server_holds_no_connections_for_are_refused_when_asked_for() -> None:
    few = ["server.connections=8"]
    with pytest.raises(UsageError, match=r"max_users = 64: gunicorn-gthread holds 16 connections .* starve"):
        make_plan(["gthread"], overrides=[*few, "search.max_users=64"])
    (allowed,) = make_plan(["gthread"], overrides=[*few, "search.max_users=16"])
    assert allowed.search.max_users == 16
    (untold,) = make_plan(["gthread"], overrides=few)
    assert untold.search.max_users == 16
    (found,) = binding(ROOMY, wants(untold, "compose"))
    assert (found.limit, found.allowed) == ("connections", 16)


def test_this_host_is_read() -> None:
    host = read_host()
    assert (host.files_soft, host.files_hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
    assert host.somaxconn == int(Path("/proc/sys/net/core/somaxconn").read_text())
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert host.ports == last - first + 1


def test_tasks_left_are_those_of_the_tightest_group_around(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    inner = groups / "pids" / "a" / "b"
    inner.mkdir(parents=True)
    (proc / "self" / "cgroup").write_text("8:pids:/a/b\n4:memory:/x\n0::/\n")
    for folder, limit, now in ((inner, "100", "10"), (inner.parent, "50", "20"), (groups / "pids", "max", "99")):
        (folder / "pids.max").write_text(f"{limit}\n")
        (folder / "pids.current").write_text(f"{now}\n")
    left = read_host(proc, groups).tasks
    assert left is not None
    assert left <= 30


@pytest.mark.parametrize(
    ("line", "folder", "files", "use"),
    [
        (
            "0::/box\n",
            "box",
            {"memory.events": "low 0\noom 4\noom_kill 3\n", "memory.max": "34603008\n", "memory.peak": "34000000\n"},
            MemoryUse(kills=3, limit=34_603_008, peak=34_000_000),
        ),
        (
            "8:pids:/y\n4:memory:/box\n0::/\n",
            "memory/box",
            {
                "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
                "memory.limit_in_bytes": "34603008\n",
                "memory.max_usage_in_bytes": "34603008\n",
            },
            MemoryUse(kills=2, limit=34_603_008, peak=34_603_008),
        ),
    ],
)
def test_a_memory_group_of_either_version_tells_of_kills(
    tmp_path: Path, line: str, folder: str, files: dict[str, str], use: MemoryUse
) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "7").mkdir(parents=True)
    (proc / "7" / "cgroup").write_text(line)
    (groups / folder).mkdir(parents=True)
    for name, text in files.items():
        (groups / folder / name).write_text(text)
    group = MemoryGroup.of(7, proc=proc, cgroups=groups)
    assert group is not None
    assert group.use() == use
    for name in files:
        (groups / folder / name).unlink()
    assert group.use() == use, "what it said last is remembered when the container is gone"
    assert MemoryGroup.of(8, proc=proc, cgroups=groups) is None


def test_kills_on_the_host_count_from_the_start(tmp_path: Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 9\noom_kill 5\n")
    kills = HostKills(vmstat)
    assert kills.since() == 0
    vmstat.write_text("nr_free_pages 9\noom_kill 7\n")
    assert kills.since() == 2
    assert HostKills(tmp_path / "none").since() == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[ERROR] Worker (pid:6) was sent SIGKILL! Perhaps out of memory?", True),
        ("DAMN ! worker 1 (pid: 9) died, killed by signal 9 :( trying respawn ...", True),
        ("[INFO] Worker exiting (pid: 6)", False),
        ("", False),
    ],
)
def test_logs_that_tell_of_a_killed_worker(tmp_path: Path, text: str, told: bool) -> None:
    log = tmp_path / "target.log"
    log.write_text(f"starting\n{text}\n")
    assert tells_of_a_kill(log) is told
    assert not tells_of_a_kill(None)


def test_the_error_names_memory_limit_and_peak() -> None:
    mib = 1024**2
    error = out_of_memory(MemoryUse(kills=2, limit=33 * mib, peak=33 * mib), 33 * mib, enforced=True)
    assert isinstance(error, OutOfMemory)
    assert error.exit_code == 3
    assert "out of memory: the kernel killed 2 of the target's processes (limit 33 MiB, peak 33 MiB)" in str(error)
    assert "limit" not in str(out_of_memory(MemoryUse(kills=1, limit=2**63 - 4096), 33 * mib, enforced=False))
