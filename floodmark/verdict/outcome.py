"""How a search ended, and the judgements that can void its ceiling. Pure functions of what was measured."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.stats.intervals import pooled_interval
from floodmark.verdict.counts import Counts, disagreement
from floodmark.verdict.drift import changed, sunk
from floodmark.verdict.enums import End
from floodmark.verdict.generator import lacked_cpu
from floodmark.verdict.pace import at_pace_1
from floodmark.verdict.visit import Visit, held

FULL = 0.85
"""Shared CPUs count as fully used if target and generator together used at least this share of them."""
VAGUE = 0.5
"""Relative half-width of the interval beyond which it is no answer."""
MORE = 1.03
"""Twice the generators raised goodput if it exceeds that of every earlier visit by more than this factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a search ended, and the level it held."""

    end: End
    reason: str
    hold_users: int | None = None


def judge_counts(outcome: Outcome, counts: Counts | None) -> Outcome:
    """Void the ceiling if clients and server cannot have counted the same requests.

    ``counts`` is None if they cannot be compared.
    """
    reason = disagreement(counts) if counts is not None else None
    if reason is None or outcome.end in {End.DIED, End.INTERRUPTED, End.FAILED}:
        return outcome
    return dataclasses.replace(outcome, end=End.MISCOUNTED, reason=reason)


def judge_shared_cpus(outcome: Outcome, holds: Sequence[Visit], *, cpus: int, generators: int) -> Outcome:
    """Void the ceiling if the generator waited for CPUs that it shares with the target and that were not fully used.

    If they were fully used, goodput is what those CPUs can give, less the generator's own use: in a closed loop, while
    the generator is late with some users, the target is busy with the others.

    holds: the valid visits to the held level. cpus: the number of shared CPUs.
    """
    if outcome.end is not End.FOUND or not holds:
        return outcome
    starved = [v for v in holds if lacked_cpu(v.gen_cpu_max, v.gen_demand_max, v.law_gap)]
    if 2 * len(starved) <= len(holds):
        return outcome
    used = [v.cpu_cores + (v.gen_cpu_max or 0.0) * generators for v in starved if v.cpu_cores is not None]
    if used and statistics.median(used) >= FULL * cpus:
        return outcome
    use = f"target and generator used {statistics.median(used):.2f} of {cpus}" if used else "the target is not sampled"
    reason = f"the generator waited for the CPUs it shares with the target, and it was not the target's load: {use}"
    return dataclasses.replace(outcome, end=End.GENERATOR_LIMITED, reason=reason)


def more_by_doubling(doubled_rps: float, before_rps: Sequence[float]) -> bool:
    """Whether goodput with twice the generators was clearly above that of every visit with the usual number."""
    return doubled_rps > MORE * max(before_rps, default=0.0)


def judge_doubling(
    outcome: Outcome, holds: Sequence[Visit], *, doubled_rps: float | None, beside_rps: float | None, how: str
) -> Outcome:
    """Void a ceiling that rose with twice the generators (docs/method.md, "What makes a visit void").

    doubled_rps: the least goodput at the held level with twice the generators; None if that was not tried.
    beside_rps: goodput of the visits in between, with the usual number of generators.
    how: how it was tried, for the reason.
    """
    if outcome.end is not End.FOUND or doubled_rps is None or not holds:
        return outcome
    before = [*(hold.goodput_rps for hold in holds), *([] if beside_rps is None else [beside_rps])]
    if not more_by_doubling(doubled_rps, before):
        return outcome
    reason = f"{how} gave {doubled_rps:.1f} good answers/s instead of {max(before):.1f}"
    return dataclasses.replace(outcome, end=End.GENERATOR_LIMITED, reason=reason)


def judge_visits(outcome: Outcome, visits: Sequence[Visit]) -> Outcome:
    """Void a ceiling that the visits themselves speak against: the target changed, or it is not known well enough."""
    return judge_precision(judge_drift(outcome, visits), held(visits, outcome.hold_users))


def judge_drift(outcome: Outcome, visits: Sequence[Visit]) -> Outcome:
    """Void the ceiling of a target that changed while it was searched, and say so before anything else is advised."""
    if outcome.end not in {End.FOUND, End.MAX_USERS, End.TIMED_OUT} or outcome.hold_users is None:
        return outcome
    sinking = sunk(visits, outcome.hold_users)
    if sinking:
        rates = ", ".join(f"{rate:.3g}" for rate in sinking)
        reason = (
            f"the target sank at {outcome.hold_users} users: {rates} good answers/s, one visit after the other; "
            "look for what it does not give back: connections, threads, memory"
        )
        return dataclasses.replace(outcome, end=End.NOT_STEADY, reason=reason)
    share = changed(visits, outcome.hold_users) if outcome.end is End.FOUND else None
    if share is None:
        return outcome
    slowed = f"the target slowed by {-share:.0%} while searched: a leak, or throttling"
    grew = f"the target grew {share:.0%} faster while searched: it had not warmed up"
    return dataclasses.replace(outcome, end=End.NOT_STEADY, reason=slowed if share < 0 else grew)


def judge_precision(outcome: Outcome, holds: Sequence[Visit]) -> Outcome:
    """Void a ceiling whose interval is too wide to be an answer, or unknown, at the CPUs' pace as at pace 1.

    holds: the valid visits to the held level.
    """
    if outcome.end not in {End.FOUND, End.HELD}:
        return outcome
    reason = f"{len(holds)} valid visits to {outcome.hold_users} users"
    if holds:
        own = [v.half_width for v in holds]
        half = pooled_interval([v.goodput_rps for v in holds], own).half_width
        paced = at_pace_1(holds)
        at_1 = pooled_interval(paced.rates, own).half_width if paced is not None and not paced.objection else half
        if min(half, at_1) <= VAGUE:
            return outcome
        if math.isfinite(half):
            reason = f"{len(holds)} visits know it to ±{half:.0%}"
    return dataclasses.replace(outcome, end=End.TIMED_OUT, reason=reason)
