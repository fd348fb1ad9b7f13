"""S8: this project's own search, and the verdict on it."""

from __future__ import annotations

from benchmarks.strategies.finding import Finding
from benchmarks.strategies.scenario import Scenario
from floodmark.search.find import find_ceiling
from floodmark.search.settings import SearchSettings
from floodmark.verdict.outcome import judge_visits
from floodmark.verdict.saturation import judge
from simulator import Noise, simulate


def ours(scenario: Scenario, noise: Noise | None, seed: int) -> Finding:
    """Told the slots, as from a deployment's workers and threads, and the think time. A number that is not confirmed
    is none.
    """
    settings = SearchSettings(slots_hint=scenario.model.slots, think_time_s=scenario.think_s)
    visits, outcome = simulate(find_ceiling(settings), scenario.noisy(noise), seed)
    verdict = judge(visits, judge_visits(outcome, visits), scenario.think_s)
    ceiling, knee = verdict.ceiling_rps, verdict.knee_users
    seconds = visits[-1].t_end_s
    if not verdict.confirmed or not isinstance(ceiling.value, float):
        return Finding(seconds=seconds, ceiling_rps=None)
    return Finding(
        seconds=seconds,
        ceiling_rps=ceiling.value,
        lo=ceiling.lo,
        hi=ceiling.hi,
        knee_users=knee.value if isinstance(knee.value, float) else None,
        collapses=isinstance(verdict.collapse_users.value, float),
    )
