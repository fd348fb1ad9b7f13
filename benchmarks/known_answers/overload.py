"""Beyond the knee: K8, where answers turn into errors, K9, where all slow down, and K10, where the queue is full."""

from __future__ import annotations

import dataclasses
import statistics

from benchmarks.known_answers import formulas
from benchmarks.known_answers.apps import PERMITS, SERVICE_S
from benchmarks.known_answers.bars import AtMost, Same, Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence, Found, Missing
from benchmarks.known_answers.load import load, rate_of
from benchmarks.known_answers.processes import served
from benchmarks.known_answers.servers import Server
from benchmarks.known_answers.slots import SLEEP_LIMIT_S, ceiling, search, within_s
from floodmark.plan.planned_run import LOCUSTFILES
from floodmark.protocol.load_settings import LoadSettings
from floodmark.sampling.netstat import read_netstat
from floodmark.search.settings import LevelSettings
from floodmark.verdict.enums import Phase

ONE_SLOT = {"workers": 1, "threads": 1}
PERMIT_THREADS = 16
BACKLOG = 1
LEVEL_S = 12.0


def failing(bench: Bench, case: Case) -> Evidence:
    """A run, and how far the errors of its visits are from (n - permits) / n, n the users who have a thread."""
    evidence = search(bench, case)
    misses = [
        abs(s.error_share - formulas.permits_error_share(min(s.users, PERMIT_THREADS), PERMITS))
        for s in evidence.visits
        if s.good and s.phase not in {Phase.WARM, Phase.RECOVERY}
    ]
    metrics = dict(evidence.metrics)
    if misses:
        metrics["error_share_miss"] = Found(value=max(misses))
    return dataclasses.replace(evidence, metrics=metrics)


def collapsing(bench: Bench, case: Case) -> Evidence:
    """A run, and goodput at 16 users."""
    evidence = search(bench, case)
    at_16 = [s.goodput_rps for s in evidence.visits if s.users == 16 and s.phase is not Phase.WARM]
    metrics = dict(evidence.metrics)
    if at_16:
        metrics["X(16)"] = Found(value=statistics.median(at_16))
    return dataclasses.replace(evidence, metrics=metrics)


def _peak(evidence: Evidence) -> float:
    return max(formulas.collapsing_rate(n, evidence.slot - SERVICE_S) for n in range(1, 65))


def _kept(evidence: Evidence) -> float:
    """G at the level that was verified, over C."""
    verified = [s.users for s in evidence.visits if s.phase is Phase.VERIFY]
    if not verified:
        raise Missing("the run verified no level beyond")
    return formulas.collapsing_rate(max(verified), evidence.slot - SERVICE_S) / _peak(evidence)


def overflowing(bench: Bench, case: Case) -> Evidence:
    """A run, and the kernel's count of lost connections at a level that always fits and at one that never does."""
    evidence = search(bench, case)
    assert isinstance(case.target, Server)
    metrics = dict(evidence.metrics)
    fits, over = formulas.accepted_without_loss(BACKLOG), formulas.turned_away(BACKLOG, 1)
    with served("gunicorn-sync", case.target.app, case.target.settings) as (target, _):
        for users in (fits, over):
            before = read_netstat()["ListenOverflows"]
            level = LoadSettings(level=LevelSettings(users=users, seconds=LEVEL_S))
            with bench.one_slot(case.target, case.target.app) as plain:
                (visit,) = load(bench, LOCUSTFILES / "io.py", target.base_url, level, LEVEL_S).visits
            lost = read_netstat()["ListenOverflows"] - before
            which = "fits" if users == fits else "over"
            metrics[f"overflows_{which}"] = Found(value="some" if lost else "none", reason=f"{lost} at {users} users")
            metrics[f"rate_{which}"] = rate_of(visit)
            metrics[f"slot_{which}_s"] = Found(value=plain.per_answer_s())
            metrics[f"generator_{which}"] = Found(value=visit.gen_verdict, reason=visit.reason)
    overflows = [s.listen_overflows for s in evidence.visits if s.listen_overflows is not None]
    if overflows:
        metrics["listen_overflows"] = Found(value="some" if any(overflows) else "none")
    return dataclasses.replace(evidence, metrics=metrics)


def _what_limits(evidence: Evidence) -> str:
    """One user saturates the worker, and goodput is much the same with or without lost connections: floodmark may hold
    either level. Where all fit the slot is the limit; beyond, the queue is what users meet.
    """
    held = evidence.run.hold_users if evidence.run is not None else None
    if held is None:
        raise Missing("the run held no level")
    if held >= formulas.turned_away(BACKLOG, 1):
        return "backlog"
    return "slots" if held <= formulas.accepted_without_loss(BACKLOG) else "slots|backlog"


CASES = (
    Case(
        id="K8",
        claim="6 permits; without one, 500 after the same 50 ms; 16 threads: G = 6 / (s + o), N_e = 7",
        about_s=100,
        target=Server(
            scenario="gthread", app="permitted", settings={"workers": 1, "threads": PERMIT_THREADS}, one_slot=ONE_SLOT
        ),
        measure=failing,
        checks=(
            # Between 6 / (s + o) and 6 / s: a permit does not wait for the server's part of a request.
            ceiling(PERMITS, Within(0.02)),
            Check(metric="knee_inflight", truth=lambda _: float(PERMITS), bar=Within(0.03)),
            Check(metric="error_share_miss", truth=lambda _: 0.02, bar=AtMost()),
            Check(
                metric="error_onset_users",
                truth=lambda _: float(formulas.permits_error_onset(PERMITS)),
                bar=Within(0.0, 1.0),
            ),
            within_s(SLEEP_LIMIT_S),
        ),
    ),
    Case(
        id="K9",
        claim="50 ms (1 + 0.25 max(0, n - 8)) on 64 threads: C = 8 / (s + o) at 8 users, X(16) = 106.7, N_c = 10",
        about_s=120,
        target=Server(scenario="gthread", app="collapsing", settings={"workers": 1, "threads": 64}, one_slot=ONE_SLOT),
        measure=collapsing,
        checks=(
            Check(metric="ceiling_rps", truth=_peak, bar=Within(0.04)),
            Check(
                metric="X(16)",
                truth=lambda e: formulas.collapsing_rate(16, e.slot - SERVICE_S),
                bar=Within(0.03),
                missing="not measured: the run visited no level of 16 users",
            ),
            Check(metric="overload_kept", truth=_kept, bar=Within(0.05)),
            Check(
                metric="collapse_users",
                truth=lambda e: float(formulas.collapse_users(e.slot - SERVICE_S)),
                bar=Within(0.0, 1.0),
            ),
        ),
    ),
    Case(
        id="K10",
        claim="backlog 1 behind 1 sync worker: connections are lost from 4 users on; there the queue is the limit, "
        "not the slot; C = 1 / (s + o)",
        about_s=140,
        target=Server(
            scenario="sync", app="constant", settings={"workers": 1, "backlog": BACKLOG}, one_slot={"workers": 1}
        ),
        measure=overflowing,
        checks=(
            ceiling(1, Within(0.01)),
            Check(metric="overflows_fits", truth=lambda _: "none", bar=Same()),
            Check(metric="overflows_over", truth=lambda _: "some", bar=Same()),
            Check(
                metric="rate_over",
                truth=lambda e: formulas.slots_rate(1, e.number("slot_over_s")),
                bar=Within(0.02),
            ),
            # Lost connections are the target's doing.
            Check(metric="generator_over", truth=lambda _: "ok|suspect", bar=Same()),
            Check(metric="listen_overflows", truth=lambda _: "some", bar=Same()),
            Check(metric="bottleneck", truth=_what_limits, bar=Same()),
        ),
    ),
)
