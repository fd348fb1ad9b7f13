"""Think time: K3 and K4."""

from __future__ import annotations

from benchmarks.known_answers import formulas
from benchmarks.known_answers.bars import Within
from benchmarks.known_answers.bench import Bench
from benchmarks.known_answers.case import Case, Check
from benchmarks.known_answers.evidence import Evidence, Found
from benchmarks.known_answers.load import HERE, Loaded, load, rate_of
from benchmarks.known_answers.processes import served
from benchmarks.known_answers.servers import Server
from benchmarks.known_answers.slots import OTHER_LIMIT_S, SYNC_4, ceiling, search, within_s
from floodmark.protocol.load_settings import LoadSettings
from floodmark.search.settings import LevelSettings, SearchSettings
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.saturation import judge
from floodmark.verdict.visit import held

THINK_S = 1.0
LEVELS, LEVEL_S = (100, 168), 40.0
SLOTS = 8
BAR = Within(0.03)


def thinkers(bench: Bench, case: Case) -> Evidence:
    """Two levels and a search by users of ``thinker.py``; ``floodmark run`` offers constant think time only."""
    assert isinstance(case.target, Server)
    metrics: dict[str, Found] = {}
    with (
        served("gunicorn-gthread", case.target.app, case.target.settings) as (target, _),
        bench.one_slot(case.target, "constant") as plain,
    ):
        url = target.base_url
        for users in LEVELS:
            (visit,) = _level(bench, url, users).visits
            metrics[f"X({users})"] = rate_of(visit)
            if visit.r_mean_ms is not None:
                metrics[f"R({users})_ms"] = Found(value=visit.r_mean_ms, valid=visit.valid)
        found = _search(bench, url)
    assert found.outcome is not None
    verdict = judge(found.visits, found.outcome, THINK_S)
    metrics["ceiling_rps"], metrics["knee_users"] = _found(verdict.ceiling_rps), _found(verdict.knee_users)
    metrics["generator"] = _found(verdict.generator)
    metrics["time_to_result_s"] = Found(value=found.visits[-1].t_end_s)
    slot_s = plain.per_answer_s([found.window(s) for s in held(found.visits, found.outcome.hold_users)])
    return Evidence(metrics=metrics, visits=found.visits, slot_s=slot_s, notes=verdict.reason)


def _found(point: Estimate) -> Found:
    return Found(value=point.value, lo=point.lo, hi=point.hi, valid=point.valid, reason=point.reason)


def _level(bench: Bench, url: str, users: int) -> Loaded:
    level = LevelSettings(users=users, seconds=LEVEL_S)
    settings = LoadSettings(level=level, search=SearchSettings(think_time_s=THINK_S))
    return load(bench, HERE / "thinker.py", url, settings, LEVEL_S)


def _search(bench: Bench, url: str) -> Loaded:
    settings = LoadSettings(search=SearchSettings(slots_hint=SLOTS, think_time_s=THINK_S))
    return load(bench, HERE / "thinker.py", url, settings, SearchSettings().time_budget_s + 60)


def _rate(users: int) -> Check:
    return Check(metric=f"X({users})", truth=lambda e: formulas.mmcn_rate(users, SLOTS, e.slot, THINK_S), bar=BAR)


CASES = (
    Case(
        id="K3",
        claim="K1 with constant think time of 1 s: N* = C (R0 + Z)",
        about_s=190,
        target=SYNC_4,
        arguments=("--set", "load.think_time_ms=1000"),
        measure=search,
        checks=(
            ceiling(4, BAR),
            Check(
                metric="knee_users",
                truth=lambda e: formulas.knee_users(formulas.slots_rate(4, e.slot), e.slot, 1.0),
                bar=Within(0.03, 1.0),
            ),
            within_s(OTHER_LIMIT_S),
        ),
    ),
    Case(
        id="K4",
        claim="exponential service of 50 ms on 8 threads, exponential think time of 1 s: the curve of M/M/8//N",
        about_s=310,
        target=Server(
            scenario="gthread",
            app="exponential",
            settings={"workers": 1, "threads": SLOTS},
            one_slot={"workers": 1, "threads": 1},
        ),
        measure=thinkers,
        checks=(
            *(_rate(users) for users in LEVELS),
            ceiling(SLOTS, BAR),
            Check(
                metric="knee_users",
                truth=lambda e: formulas.knee_users(formulas.slots_rate(SLOTS, e.slot), e.slot, THINK_S),
                bar=Within(0.03, 1.0),
            ),
            within_s(OTHER_LIMIT_S),
        ),
    ),
)
