"""The fixtures as data: a server, its load, what stands beside it, and the word it must be given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.bottlenecks import groups
from benchmarks.bottlenecks.beside import Setup, idle_clients, memory, neighbour, nothing, quota, starved
from floodmark.targets.compose import unavailable
from floodmark.verdict.enums import Bottleneck
from testbed.throttle import can_throttle

MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """One server that must be named ``word``.

    app: of ``benchmarks.bottlenecks.apps``; None for the workload's own; own: instead, one of the folder ``own``, as a
    user would bring it, so that a container gets it too. settings: of the server; sets: other settings
    of the scenario. beside: what makes it so. needs: what is lacking here, if anything.
    """

    id: str
    word: Bottleneck
    claim: str
    scenario: str = "gthread"
    app: str | None = "constant"
    own: str | None = None
    settings: Mapping[str, int] = field(default_factory=dict)
    sets: Mapping[str, object] = field(default_factory=dict)
    workload: str = "io"
    backend: str = "process"
    beside: Setup = nothing
    needs: Callable[[], str | None] = lambda: None


FIXTURES = (
    Fixture(
        id="slots",
        word=Bottleneck.SLOTS,
        claim="50 ms of sleep behind 4 threads",
        settings={"workers": 1, "threads": 4},
    ),
    Fixture(
        id="gil",
        word=Bottleneck.GIL,
        claim="10 ms of pure Python in 4 threads of one process, on 2 CPUs",
        app="spin",
        settings={"workers": 1, "threads": 4},
        sets={"budget.cpus": 2},
    ),
    Fixture(
        id="cpu",
        word=Bottleneck.CPU,
        claim="10 ms of pure Python in 2 processes, on 1 CPU",
        scenario="sync",
        app="spin",
        settings={"workers": 2},
    ),
    Fixture(
        id="lock",
        word=Bottleneck.LOCK,
        claim="10 of 50 ms under one lock, 8 threads",
        app="partly_locked",
        settings={"workers": 1, "threads": 8},
    ),
    Fixture(
        id="backlog",
        word=Bottleneck.BACKLOG,
        claim="4 workers behind an accept queue of 1, users that think for 0.5 s",
        scenario="sync",
        settings={"workers": 4, "backlog": 1},
        sets={"load.think_time_ms": 500},
    ),
    Fixture(
        id="connections",
        word=Bottleneck.CONNECTIONS,
        claim="8 threads and 10 connections, 6 of them held by clients that ask nothing",
        scenario="waitress",
        settings={"threads": 8, "connections": 12},
        beside=idle_clients(6),
    ),
    Fixture(
        id="imbalance",
        word=Bottleneck.IMBALANCE,
        claim="kept connections of 16 users on 4 workers of 4 threads",
        settings={"workers": 4, "threads": 4},
        sets={"search.max_users": 16},
    ),
    Fixture(
        id="quota",
        word=Bottleneck.QUOTA,
        claim="10 ms of pure Python with a quota of 0.4 cores",
        app="spin",
        settings={"workers": 1, "threads": 4},
        beside=quota(0.4),
        needs=groups.cannot,
    ),
    Fixture(
        id="memory",
        word=Bottleneck.MEMORY,
        claim="64 kB kept of every request, with a limit of 80 MiB",
        app="growing",
        settings={"workers": 1, "threads": 4},
        beside=memory(80 * MIB),
        needs=groups.cannot,
    ),
    Fixture(
        id="generator",
        word=Bottleneck.GENERATOR,
        claim="an answer at once, and a generator with 6 % of a CPU",
        app=None,
        workload="hello",
        settings={"workers": 1, "threads": 4},
        beside=starved(0.06),
        needs=lambda: None if can_throttle() else "needs root and a CPU control group",
    ),
    Fixture(
        id="host",
        word=Bottleneck.HOST,
        claim="10 ms of pure Python, and a neighbour that wants the same CPU",
        app="spin",
        settings={"workers": 1, "threads": 4},
        beside=neighbour,
    ),
    Fixture(
        id="not_saturated",
        word=Bottleneck.NOT_SATURATED,
        claim="8 users on 64 threads",
        settings={"workers": 1, "threads": 64},
        sets={"search.max_users": 8},
    ),
    Fixture(
        id="quota-compose",
        word=Bottleneck.QUOTA,
        claim="5 ms of pure Python in a container with 0.4 CPUs",
        app=None,
        workload="cpu",
        settings={"workers": 1, "threads": 4},
        backend="compose",
        needs=unavailable,
    ),
    Fixture(
        id="memory-compose",
        word=Bottleneck.MEMORY,
        claim="64 kB kept of every request, in a container of 80 MiB",
        scenario="gunicorn-gthread",
        app=None,
        own="growing:app",
        settings={"workers": 1, "threads": 4},
        sets={"budget.memory": "80m"},
        backend="compose",
        needs=unavailable,
    ),
)
