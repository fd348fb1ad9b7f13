"""Slow and refusing targets: K18, endpoints that take long, K19, those that refuse at once, and K20, a mix."""

from __future__ import annotations

import dataclasses

from benchmarks.known_answers import formulas
from benchmarks.known_answers.bars import AtMost, Same, Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence, Found
from benchmarks.known_answers.honesty import behind
from benchmarks.known_answers.load import HERE, load, rate_of
from benchmarks.known_answers.servers import Behind
from floodmark.protocol.load_settings import LoadSettings
from floodmark.search.settings import LevelSettings

SLOTS, QUEUE, SERVICE_MS = 4, 4, 50
LIMIT_RPS = 30
LIGHT_MS, HEAVY = 10, 20
MIX_USERS, MIX_S = 16, 15.0


def timed(bench: Bench, case: Case) -> Evidence:
    """A run, and how long its load lasted."""
    evidence = behind(bench, case)
    if not evidence.visits:
        return evidence
    load_s = Found(value=evidence.visits[-1].t_end_s)
    return dataclasses.replace(evidence, metrics={**evidence.metrics, "load_s": load_s})


def mixed(bench: Bench, case: Case) -> Evidence:
    """A level of users of two classes, as many of each."""
    assert isinstance(case.target, Behind)
    with bench.behind(case.target) as (url, _):
        settings = LoadSettings(level=LevelSettings(users=MIX_USERS, seconds=MIX_S))
        (visit,) = load(bench, HERE / "two_classes.py", url.rstrip("/"), settings, MIX_S).visits
    return Evidence(metrics={f"X({MIX_USERS})": rate_of(visit)}, visits=[visit])


def _mix_rps(_: Evidence) -> float:
    light_s = LIGHT_MS / 1000
    return formulas.two_classes_rate(MIX_USERS, SLOTS, (light_s, HEAVY * light_s))


def _slow(slots: int, ms: int, bar: float, limit_s: float) -> Case:
    return Case(
        id=f"K18-{slots}x{ms}",
        claim=f"{slots} x {ms} ms: C = {slots} / s, although a second holds only {1000 * slots / ms:.3g} answers",
        about_s=limit_s,
        target=Behind(words=("--slots", str(slots), "--ms", str(ms)), watched=True),
        measure=timed,
        checks=(
            Check(metric="exit_code", truth=lambda _: "0", bar=Same()),
            Check(metric="ceiling_rps", truth=lambda _: 1000 * slots / ms, bar=Within(bar)),
            Check(metric="knee_inflight", truth=lambda _: float(slots), bar=Within(2 * bar, 0.15)),
            Check(metric="load_s", truth=lambda _: limit_s, bar=AtMost()),
        ),
    )


CASES = (
    _slow(1, 120, 0.03, 60.0),
    _slow(1, 800, 0.04, 120.0),
    _slow(4, 500, 0.04, 120.0),
    _slow(2, 2000, 0.06, 240.0),
    Case(
        id="K19-503",
        claim=f"{SLOTS} x {SERVICE_MS} ms and a queue of {QUEUE}, beyond it a 503 at once: C = {SLOTS} / s, errors "
        f"from {SLOTS + QUEUE + 1} users on",
        about_s=70,
        target=Behind(words=("--slots", str(SLOTS), "--ms", str(SERVICE_MS), "--queue", str(QUEUE)), watched=True),
        measure=timed,
        checks=(
            Check(metric="exit_code", truth=lambda _: "0", bar=Same()),
            Check(metric="ceiling_rps", truth=lambda _: 1000 * SLOTS / SERVICE_MS, bar=Within(0.03)),
            Check(metric="error_onset_users", truth=lambda _: float(SLOTS + QUEUE + 1), bar=Within(0.0, 1.0)),
            Check(metric="generator", truth=lambda _: "ok|suspect", bar=Same()),
        ),
    ),
    Case(
        id="K19-429",
        claim=f"a limiter of {LIMIT_RPS}/s that answers 429 at once: its rate is the ceiling, whatever is behind it",
        about_s=70,
        target=Behind(words=("--slots", "8", "--ms", "10", "--limit-rps", str(LIMIT_RPS)), watched=True),
        measure=timed,
        checks=(
            Check(metric="exit_code", truth=lambda _: "0", bar=Same()),
            Check(metric="ceiling_rps", truth=lambda _: float(LIMIT_RPS), bar=Within(0.03)),
        ),
    ),
    Case(
        id="K20",
        claim=f"as many users with {LIGHT_MS} ms as with {LIGHT_MS * HEAVY} ms, in one line for {SLOTS} slots: all "
        "wait alike, and the short ones come round more often",
        about_s=25,
        target=Behind(words=("--slots", str(SLOTS), "--ms", str(LIGHT_MS), "--heavy", str(HEAVY))),
        measure=mixed,
        checks=(Check(metric=f"X({MIX_USERS})", truth=_mix_rps, bar=Within(0.05)),),
    ),
)
