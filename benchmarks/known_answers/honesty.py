"""Where no number may be given: K14, a generator that is the limit, and K16, targets without a ceiling to find."""

from __future__ import annotations

import contextlib

import psutil

from benchmarks.known_answers import formulas
from benchmarks.known_answers.apps import SERVICE_S
from benchmarks.known_answers.bars import LowerBound, NoNumber, Same
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence
from benchmarks.known_answers.servers import Behind, Server
from benchmarks.known_answers.slots import search
from testbed.throttle import can_throttle, throttled

SHARE = 0.2
MANY_SLOTS, FEW_USERS = 32, 8


def starved(bench: Bench, case: Case) -> Evidence:
    """A run whose generator gets a fifth of a CPU as soon as it has started."""
    assert isinstance(case.target, Behind)
    with contextlib.ExitStack() as stack:
        done: list[int] = []

        def starve(pid: int) -> None:
            bench.tick(pid)
            found = [] if done else generators_below(pid)
            if found:
                done.extend(found)
                for generator in found:
                    stack.enter_context(throttled(generator, SHARE))

        return bench.run_behind(case.target, case.arguments, starve)


def generators_below(pid: int) -> list[int]:
    """The processes that send requests: Locust, or, where it has children, those."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            if "--ramp" in child.cmdline():
                return [worker.pid for worker in child.children()] or [child.pid]
    return []


def behind(bench: Bench, case: Case) -> Evidence:
    """A run on a server of the tests."""
    assert isinstance(case.target, Behind)
    return bench.run_behind(case.target, case.arguments)


def _exit(code: str) -> Check:
    return Check(metric="exit_code", truth=lambda _: code, bar=Same())


NO_CEILING = Check(metric="ceiling_rps", truth=lambda _: "none", bar=NoNumber())

CASES = (
    Case(
        id="K14",
        claim="a server that does nothing, a generator with a fifth of a CPU: generator limited, no ceiling",
        about_s=50,
        target=Behind(module="target_apps.null_server", address="127.0.0.1:{port}"),
        measure=starved,
        needs=lambda: None if can_throttle() else "needs root and a CPU cgroup",
        checks=(
            _exit("4"),
            Check(metric="generator", truth=lambda _: "limited", bar=Same()),
            Check(metric="bottleneck", truth=lambda _: "generator", bar=Same()),
            NO_CEILING,
        ),
    ),
    Case(
        id="K16-endless",
        claim=f"{MANY_SLOTS} slots and at most {FEW_USERS} users: never saturates, only a lower bound",
        about_s=45,
        target=Server(
            scenario="gthread", app="constant", settings={"workers": 1, "threads": MANY_SLOTS}, calibrate=None
        ),
        arguments=("--set", f"search.max_users={FEW_USERS}"),
        measure=search,
        checks=(
            _exit("4"),
            Check(metric="ceiling_rps", truth=lambda _: formulas.slots_rate(FEW_USERS, SERVICE_S), bar=LowerBound()),
        ),
    ),
    Case(
        id="K16-dying",
        claim="ends at 24 requests inside: target failed, no ceiling",
        about_s=40,
        target=Behind(words=("--slots", "64", "--die-at", "24"), watched=True),
        measure=behind,
        checks=(_exit("3"), NO_CEILING),
    ),
    Case(
        id="K16-errors",
        claim="answers 500 only: no valid verdict, no ceiling",
        about_s=15,
        target=Behind(words=("--ms", "5", "--status", "500")),
        measure=behind,
        checks=(_exit("4"), NO_CEILING),
    ),
    Case(
        id="K16-leaking",
        claim="each request makes the next 0.003 % slower, half a per cent a second: no ceiling",
        about_s=110,
        target=Server(scenario="gthread", app="leaking", settings={"workers": 1, "threads": 8}, calibrate=None),
        measure=search,
        checks=(_exit("3|4"), NO_CEILING),
    ),
)
