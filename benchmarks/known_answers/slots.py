"""Slots: K1, K2, K5, K12, K13. Every request waits a known time, and only so many wait at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from benchmarks.known_answers import formulas
from benchmarks.known_answers.apps import SERVICE_S
from benchmarks.known_answers.bars import AtMost, Covers, Same, Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence
from benchmarks.known_answers.held import held_windows
from benchmarks.known_answers.servers import Server

SLEEP_CEILING = Within(0.01)
RANDOM_CEILING = Within(0.03)
KNEE_SHARE, KNEE_FLOOR = 0.02, 0.15
RANDOM_KNEE_SHARE = 0.05
"""R0 comes from base visits of 2 s: a few dozen answers each."""
SLEEP_LIMIT_S, OTHER_LIMIT_S = 60.0, 120.0


def search(bench: Bench, case: Case) -> Evidence:
    """A whole run, and the slot time in the visits that its ceiling is made from."""
    return beside(bench, case, {})


def beside(bench: Bench, case: Case, environment: Mapping[str, str]) -> Evidence:
    """The slot time is that of a server with one slot, beside the run: minutes later a shared host is another one."""
    assert isinstance(case.target, Server)
    if case.target.calibrate is None:
        return bench.run_server(case.target, case.arguments, environment)
    with bench.one_slot(case.target, case.target.calibrate) as plain:
        evidence = bench.run_server(case.target, case.arguments, environment)
    return dataclasses.replace(evidence, slot_s=plain.per_answer_s(held_windows(evidence)))


def ceiling(slots: int, bar: Within = SLEEP_CEILING) -> Check:
    """C = c / (s + o)."""
    return Check(metric="ceiling_rps", truth=lambda e: formulas.slots_rate(slots, e.slot), bar=bar)


def knee(inflight: int, share: float = KNEE_SHARE) -> Check:
    """n* = c."""
    return Check(metric="knee_inflight", truth=lambda _: float(inflight), bar=Within(share, KNEE_FLOOR))


def within_s(limit_s: float) -> Check:
    return Check(metric="time_to_result_s", truth=lambda _: limit_s, bar=AtMost())


def _gthread(workers: int, threads: int, app: str) -> Server:
    return Server(
        scenario="gthread",
        app=app,
        settings={"workers": workers, "threads": threads},
        one_slot={"workers": 1, "threads": 1},
    )


SYNC_4 = Server(scenario="sync", app="constant", settings={"workers": 4}, one_slot={"workers": 1})

CASES = (
    Case(
        id="K1",
        claim="50 ms on 4 gunicorn sync workers: C = 4 / (s + o), n* = 4",
        about_s=95,
        target=SYNC_4,
        measure=search,
        checks=(
            ceiling(4),
            knee(4),
            Check(metric="bottleneck", truth=lambda _: "slots", bar=Same()),
            within_s(SLEEP_LIMIT_S),
        ),
    ),
    Case(
        id="K2",
        claim="50 ms on gunicorn gthread, 2 workers of 4 threads: C = 8 / (s + o), n* = 8",
        about_s=125,
        target=_gthread(2, 4, "constant"),
        measure=search,
        checks=(ceiling(8), knee(8), within_s(SLEEP_LIMIT_S)),
    ),
    *(
        Case(
            id=f"K5-{app}",
            claim=f"{app} service of mean 50 ms on 8 threads, Z = 0: the same C = 8 / (E[s] + o)",
            about_s=95,
            target=_gthread(1, 8, app),
            measure=search,
            checks=(ceiling(8, bar), knee(8, share), within_s(limit)),
        )
        for app, bar, share, limit in (
            ("constant", SLEEP_CEILING, KNEE_SHARE, SLEEP_LIMIT_S),
            ("exponential", RANDOM_CEILING, RANDOM_KNEE_SHARE, OTHER_LIMIT_S),
            ("lognormal", RANDOM_CEILING, RANDOM_KNEE_SHARE, OTHER_LIMIT_S),
        )
    ),
    Case(
        id="K12",
        claim="twice as slow for its first 10 s under load: C = 8 / (s + o) all the same",
        about_s=100,
        target=_gthread(1, 8, "cold"),
        measure=search,
        checks=(ceiling(8), knee(8)),
    ),
    Case(
        id="K13",
        claim="speed +-5 % in a sine of 60 s: the interval covers the mean",
        about_s=110,
        target=_gthread(1, 8, "sine"),
        measure=search,
        checks=(
            Check(
                metric="ceiling_rps",
                truth=lambda e: formulas.sine_mean_rate(8, SERVICE_S, e.slot - SERVICE_S),
                bar=Covers(),
            ),
            ceiling(8, Within(0.05)),
        ),
    ),
)
