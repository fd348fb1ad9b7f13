"""Reading what the kernel says: on its texts as they were seen, with both versions of control groups."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from floodmark.sampling import cgroup, netstat, pressure, sock_diag
from floodmark.sampling.series import Series
from floodmark.sampling.use import Use


def test_a_counter_is_interpolated_at_the_edges_of_a_window() -> None:
    series = Series()
    for time, value in ((0.0, 0.0), (1.0, 10.0), (2.0, 30.0)):
        series.add(time, {"cpu": value, **({"late": value} if time else {})})
    assert series.change("cpu", 0.5, 1.5) == pytest.approx(15.0)
    assert series.change("cpu", -1.0, 9.0) == pytest.approx(30.0)
    assert series.change("cpu", 0.5, 2.5) == pytest.approx(25.0 * 2.0 / 1.5)
    assert series.change("late", 0.5, 1.5) is None
    assert series.change("late", 1.0, 2.0) == pytest.approx(20.0)
    assert series.change("none", 0.5, 1.5) is None
    assert series.inside("cpu", 0.5, 2.0) == [10.0]
    assert series.inside("cpu", 1.2, 1.4) == [10.0]
    assert series.names(0.5, 0.7) == {"cpu", "late"}
    assert series.names(0.0, 0.0) == {"cpu"}
    assert series.first("late") == 10.0


@pytest.mark.parametrize(
    ("inflight", "inside", "queue", "server", "kernel"),
    [(16.0, 8.0, 0.0, 8.0, 0.0), (16.0, 8.0, 8.0, 0.0, 8.0), (16.0, 8.0, 9.0, 0.0, 8.0), (1.0, 1.01, 0.0, 0.0, 0.0)],
)
def test_a_request_is_in_one_of_three_places(
    inflight: float, inside: float, queue: float, server: float, kernel: float
) -> None:
    use = Use(app_inflight_mean=inside, listen_queue_mean=queue)
    assert use.waiting_in_server(inflight) == pytest.approx(server)
    assert use.waiting_in_kernel(inflight) == pytest.approx(kernel)


def test_places_that_nobody_saw_are_not_zero() -> None:
    assert Use(listen_queue_mean=0.0).waiting_in_server(5.0) is None
    assert Use(app_inflight_mean=5.0).waiting_in_kernel(5.0) is None
    assert Use(app_inflight_mean=5.0, listen_queue_mean=0.0).waiting_in_server(None) is None


def test_turned_away_connections_are_found_by_name() -> None:
    text = (
        "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPSynRetrans\nTcpExt: 1 154 155 161\nIpExt: A\nIpExt: 2\n"
    )
    assert netstat.parse(text) == {"ListenOverflows": 154, "ListenDrops": 155, "TCPSynRetrans": 161}
    assert netstat.parse("TcpExt: SyncookiesSent\nTcpExt: 1\n") == {}
    assert netstat.read_netstat(-1) == {}


def _message(kind: int, body: bytes, sequence: int = 7) -> bytes:
    length = 16 + len(body)
    return struct.pack("=IHHII", length, kind, 0, sequence, 0) + body + b"\0" * (-length % 4)


def test_sockets_of_a_netlink_answer() -> None:
    def row(queue: int, limit: int, inode: int) -> bytes:
        return _message(20, struct.pack("=4B48sIIIII", 2, 10, 0, 0, b"", 0, queue, limit, 1000, inode))

    assert sock_diag.parse(row(3, 4, 77) + row(0, 2048, 0), 7) == ([(3, 4, 77), (0, 2048, 0)], False)
    late = _message(3, b"\0\0\0\0", sequence=6)
    assert sock_diag.parse(late + row(1, 2, 3) + _message(3, b"\0\0\0\0"), 7) == ([(1, 2, 3)], True)
    with pytest.raises(PermissionError):
        sock_diag.parse(_message(2, struct.pack("=i", -1) + b"\0" * 16), 7)


def test_time_of_some_cpus() -> None:
    text = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 0 50 900 5 10 40 20 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 5\n"
    found = pressure.cpu_time([0], text)
    assert found is not None
    assert found.busy_s == pytest.approx(200 / pressure._TICK)
    assert found.steal_s == pytest.approx(20 / pressure._TICK)
    assert pressure.cpu_time([7], text) is None


def test_pressure(tmp_path: Path) -> None:
    file = tmp_path / "cpu"
    file.write_text("some avg10=0.02 avg60=1.12 avg300=6.41 total=1471465601\nfull avg10=0.00 total=0\n")
    assert pressure.stalled_s(file) == pytest.approx(1471.465601)
    assert pressure.stalled_s(tmp_path / "none") is None


def _files(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    root = _files(
        tmp_path,
        {
            "proc/mounts": "cgroup /cg/cpu cgroup rw,cpu,cpuacct 0 0\ncgroup /cg/memory cgroup rw,memory 0 0\n",
            "proc/7/cgroup": "4:memory:/a/b\n1:cpu,cpuacct:/a\n0::/\n",
            "cg/cpu/a/cpu.cfs_quota_us": "40000\n",
            "cg/cpu/a/cpu.cfs_period_us": "100000\n",
            "cg/cpu/a/cpu.stat": "nr_periods 50\nnr_throttled 40\nthrottled_time 123\n",
            "cg/cpu/cpu.cfs_quota_us": "-1\n",
            "cg/cpu/cpu.cfs_period_us": "100000\n",
            "cg/memory/a/b/memory.limit_in_bytes": "1000\n",
            "cg/memory/a/b/memory.usage_in_bytes": "950\n",
            "cg/memory/a/b/memory.stat": "cache 60\ntotal_inactive_file 50\n",
            "cg/memory/a/b/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            "cg/memory/a/memory.limit_in_bytes": "9223372036854771712\n",
            "cg/memory/a/memory.usage_in_bytes": "5000\n",
        },
    )
    groups = cgroup.Groups(root)
    groups.follow({7})
    assert groups.quota() == cgroup.Quota(cores=0.4, periods=50, throttled=40)
    assert groups.memory() == cgroup.Memory(used_bytes=900, limit_bytes=1000, oom_kills=2)
    assert groups.pressure("cpu") is None


def test_control_groups_of_version_2(tmp_path: Path) -> None:
    root = _files(
        tmp_path,
        {
            "proc/mounts": "cgroup2 /cg cgroup2 rw 0 0\n",
            "proc/7/cgroup": "0::/a/b\n",
            "cg/a/b/cpu.max": "max 100000\n",
            "cg/a/b/memory.max": "max\n",
            "cg/a/b/cpu.pressure": "some total=1\n",
            "cg/a/cpu.max": "150000 100000\n",
            "cg/a/cpu.stat": "usage_usec 5\nnr_periods 9\nnr_throttled 3\n",
            "cg/a/memory.max": "1000\n",
            "cg/a/memory.current": "700\n",
            "cg/a/memory.events": "low 0\noom 1\noom_kill 1\n",
        },
    )
    groups = cgroup.Groups(root)
    groups.follow({7, 8})
    assert groups.quota() == cgroup.Quota(cores=1.5, periods=9, throttled=3)
    assert groups.memory() == cgroup.Memory(used_bytes=700, limit_bytes=1000, oom_kills=1)
    assert groups.pressure("cpu") == root / "cg/a/b/cpu.pressure"


def test_no_control_groups(tmp_path: Path) -> None:
    groups = cgroup.Groups(tmp_path)
    groups.follow({7})
    assert groups.quota() == cgroup.Quota()
    assert groups.memory() == cgroup.Memory()
