"""Turns the visits of a finished search into its published points. A pure function of the run's files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from floodmark.stats.curve import users_reaching
from floodmark.stats.intervals import pooled_interval, wilson
from floodmark.verdict.enums import END_TEXT, End, Generator, Model, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.knee import changed_pace, knee, knee_point, uncontended, uncontended_ms
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.overload import TOLERATED, look_beyond
from floodmark.verdict.visit import Visit, held


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """Everything that a search found out about a target."""

    end: End
    reason: str
    ceiling_rps: Estimate
    knee_users: Estimate
    knee_inflight: Estimate
    n95_users: Estimate
    r0_ms: Estimate
    collapse_users: Estimate
    overload_kept: Estimate
    error_onset_users: Estimate
    recovery_s: Estimate
    generator: Estimate
    metastable: bool | None = None
    further: Mapping[str, Estimate] = field(default_factory=dict)
    """Estimates by metric that only some runs have."""
    hold_users: int | None = None
    """The level whose visits the ceiling is made from."""

    @property
    def confirmed(self) -> bool:
        """Whether the ceiling may be quoted."""
        return self.ceiling_rps.valid and self.ceiling_rps.hi is not None and math.isfinite(self.ceiling_rps.hi)


NO_CEILING = {
    End.ALL_ERRORS,
    End.DIED,
    End.NOT_STEADY,
    End.INTERRUPTED,
    End.STEPS_DONE,
    End.FAILED,
    End.MISCOUNTED,
}


def judge(visits: Sequence[Visit], outcome: Outcome, think_s: float) -> Saturation:
    """Judge a search from all its visits in order, how it ended, and the mean think time Z of its users."""
    end, reason, hold_users = outcome.end, outcome.reason, outcome.hold_users
    why = END_TEXT[end] + (f" ({reason})" if reason else "")
    holds = held(visits, hold_users)
    generator = _generator(visits, hold_users)
    if end is End.GENERATOR_LIMITED and generator.value is not Generator.LIMITED:
        generator = Estimate(value=Generator.LIMITED, valid=False, reason=reason, n_visits=len(visits))
    if end in NO_CEILING or not holds:
        return _nothing(visits, end, why, generator)
    ceiling = pooled_interval([v.goodput_rps for v in holds], [v.half_width for v in holds])
    bases = uncontended(visits, ceiling.value)
    why, censored = _objection(holds, end, why)
    knee_users, knee_inflight = knee(holds, bases, think_s), knee(holds, bases, 0.0)
    of_which = " of neighbouring visits" if changed_pace(holds) else ""
    beyond = look_beyond(
        visits,
        hold_users=hold_users or 0,
        ceiling_rps=ceiling.value,
        knee_users=knee_users.value if knee_users is not None else None,
        think_s=think_s,
    )
    n95 = users_reaching(_curve(visits, hold_users, think_s > 0), 0.95 * ceiling.value)
    return Saturation(
        end=end,
        reason=why,
        ceiling_rps=Estimate(
            value=ceiling.value,
            lo=max(ceiling.lo, min(v.goodput_lo or 0.0 for v in holds)) if censored else ceiling.lo,
            hi=None if censored else ceiling.hi,
            method="median of hold visits",
            n_visits=len(holds),
            valid=not censored,
            reason=why if censored else "",
        ),
        knee_users=knee_point(knee_users, len(holds), f"C (R0 + Z){of_which}", censored=censored, why=why),
        knee_inflight=knee_point(knee_inflight, len(holds), f"C R0{of_which}", censored=censored, why=why),
        n95_users=Estimate(
            value=n95,
            method="least users with 95 % of the ceiling, interpolated",
            valid=not censored and n95 is not None and end is End.FOUND,
            reason=why if censored or end is not End.FOUND else "",
        ),
        r0_ms=uncontended_ms(bases),
        collapse_users=beyond.collapse_users,
        overload_kept=beyond.kept,
        error_onset_users=beyond.error_onset_users,
        recovery_s=beyond.recovery_s,
        generator=generator,
        metastable=beyond.metastable,
        further=beyond.at,
        hold_users=hold_users,
    )


def _objection(holds: Sequence[Visit], end: End, why: str) -> tuple[str, bool]:
    """The reason of the verdict, and whether it forbids quoting the ceiling."""
    if end not in {End.FOUND, End.HELD}:
        return why, True
    errors, answers = sum(v.errors for v in holds), sum(v.errors + v.good for v in holds)
    if wilson(errors, answers).lo > TOLERATED:
        return f"{errors / answers:.1%} of the answers at the held level were errors; a capacity may have 1 %", True
    return why, False


def _generator(visits: Sequence[Visit], hold_users: int | None) -> Estimate:
    """The generator's word: LIMITED if it limited any visit, else the median over the hold visits, else over all."""
    holds = [v for v in visits if v.users == hold_users and v.phase is Phase.HOLD] or [
        v for v in visits if v.phase is not Phase.WARM
    ]
    order = list(Generator)
    judged = [v for v in holds if v.gen_verdict is not None]
    # Without a good answer, there is no goodput that the generator could have limited.
    limited = [v for v in visits if v.model is Model.CLOSED and v.gen_verdict is Generator.LIMITED and v.good]
    if limited:
        return Estimate(value=Generator.LIMITED, valid=False, reason=limited[-1].reason, n_visits=len(visits))
    if not judged:
        return Estimate(valid=False, reason="no visit")
    # The median, because one late wake-up on a shared machine does not make the generator the limit.
    words = sorted(order.index(v.gen_verdict) for v in judged if v.gen_verdict is not None)
    word = order[words[len(words) // 2]]
    reason = next((v.reason for v in judged if v.gen_verdict is word and v.reason), "")
    return Estimate(value=word, n_visits=len(judged), reason=reason, method="median of hold visits")


def _curve(visits: Sequence[Visit], hold_users: int | None, thinking: bool) -> dict[int, list[float]]:
    """Goodput by users up to the held level, over the visits whose users behave like those at the held level."""
    phases = {Phase.PLACE, Phase.HOLD} if thinking else {Phase.BASE, Phase.BRACKET, Phase.PLACE, Phase.HOLD}
    curve: dict[int, list[float]] = {}
    for visit in visits:
        if visit.phase in phases and visit.users <= (hold_users or 0) and visit.valid:
            curve.setdefault(visit.users, []).append(visit.goodput_rps)
    return curve


def _nothing(visits: Sequence[Visit], end: End, why: str, generator: Estimate) -> Saturation:
    """A verdict without a ceiling: at most a lower bound, if the search was still climbing."""
    void = Estimate(valid=False, reason=why)
    answered = [v for v in visits if v.good and (v.phase is not Phase.WARM or end is End.GENERATOR_LIMITED)]
    bound = void
    if end in {End.MAX_USERS, End.TIMED_OUT, End.GENERATOR_LIMITED} and answered:
        best = max(answered, key=lambda v: v.goodput_rps)
        low = best.goodput_lo if best.goodput_lo is not None else best.goodput_rps
        bound = Estimate(lo=low, method="lower bound: highest visit", n_visits=1, valid=False, reason=why)
    return Saturation(
        end=end,
        reason=why,
        ceiling_rps=bound,
        knee_users=void,
        knee_inflight=void,
        n95_users=void,
        r0_ms=uncontended_ms(uncontended(visits)),
        collapse_users=void,
        overload_kept=void,
        error_onset_users=void,
        recovery_s=void,
        generator=generator,
    )
