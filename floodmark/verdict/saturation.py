"""Turns the visits of a finished search into its published points. A pure function of the run's files."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from floodmark.stats.intervals import Interval, pooled_interval, wilson
from floodmark.verdict.chance import NORMAL, chance_rps
from floodmark.verdict.curve import users_at_share
from floodmark.verdict.enums import END_TEXT, End, Generator, Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.interim import interim
from floodmark.verdict.knee import how_paired, knee, knee_point, uncontended, uncontended_ms
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.overload import TOLERATED, failing, look_beyond, with_think
from floodmark.verdict.pace import at_pace_1, elasticity
from floodmark.verdict.shedding import sheds
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


UNCONFIRMED = "the best answer so far"
"""The method of a ceiling whose search was interrupted."""
LEAST_SHARE = 0.25
"""Of what a machine changes from day to day, at least this share is assumed to reach a target that hardly computes."""
ROUGH = 0.10
"""Relative half-width of the run's interval beyond which the ceiling is called rough."""

NO_CEILING = {
    End.ALL_ERRORS,
    End.DIED,
    End.NOT_STEADY,
    End.INTERRUPTED,
    End.STEPS_DONE,
    End.FAILED,
    End.MISCOUNTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """How fast this machine was, and how its speed differs from day to day."""

    sd: float = 0.0
    """Relative standard deviation of its pace between days."""
    usual_pace: float = 1.0
    """Its pace on most days."""


STEADY_HOST = Host()
"""A machine that is always equally fast."""


def judge(visits: Sequence[Visit], outcome: Outcome, think_s: float, host: Host = STEADY_HOST) -> Saturation:
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
    bases = uncontended(visits)
    objection = _objection(holds, bases, outcome, why)
    censored, why = bool(objection), objection or why
    knee_users, knee_inflight = knee(holds, bases, think_s), knee(holds, bases, 0.0)
    of_which = how_paired(holds, bases)
    beyond = look_beyond(
        visits,
        hold_users=_held_level(holds, knee_users, think_s),
        ceiling_rps=ceiling.value,
        knee_users=knee_users.value if knee_users is not None else None,
        think_s=think_s,
    )
    curve = _curve(visits, _held_level(holds, knee_users, think_s), think_s)
    n95 = users_at_share(curve, ceiling, knee_users.value if knee_users is not None else 0.0, think_s)
    if censored or end is not End.FOUND:
        n95 = Estimate(valid=False, reason=why)
    return Saturation(
        end=end,
        reason=why,
        ceiling_rps=_ceiling(ceiling, holds, host, objection, _remark(ceiling, holds, bases)),
        knee_users=knee_point(knee_users, len(holds), f"C (R0 + Z){of_which}", censored=censored, why=why),
        knee_inflight=knee_point(knee_inflight, len(holds), f"C R0{of_which}", censored=censored, why=why),
        n95_users=n95,
        r0_ms=on_another_day(uncontended_ms(bases), bases, host),
        collapse_users=beyond.collapse_users,
        overload_kept=beyond.kept,
        error_onset_users=beyond.error_onset_users,
        recovery_s=beyond.recovery_s,
        generator=generator,
        metastable=beyond.metastable,
        further={**beyond.at, **_paces(holds, censored=censored, why=why)},
        hold_users=hold_users,
    )


def _ceiling(ceiling: Interval, holds: Sequence[Visit], host: Host, objection: str, remark: str) -> Estimate:
    method = "midmean of hold visits"
    if objection:
        low = max(ceiling.lo, min(v.goodput_lo or 0.0 for v in holds))
        return Estimate(value=ceiling.value, lo=low, method=method, n_visits=len(holds), valid=False, reason=objection)
    run = Estimate(value=ceiling.value, lo=ceiling.lo, hi=ceiling.hi, method=method, n_visits=len(holds), reason=remark)
    return on_another_day(run, holds, host)


def on_another_day(run: Estimate, visits: Sequence[Visit], host: Host) -> Estimate:
    """An estimate whose interval holds for this machine on another day; that of the run is kept beside it.

    Its half is made of independent parts: the run's own, 1.96 standard deviations of the machine between days, and how
    far the pace of these visits was from the usual one; both as far as CPU time is what the estimate is made of.
    """
    if not isinstance(run.value, float) or run.lo is None or run.hi is None:
        return run
    shares = [(u, v.pace or host.usual_pace) for v in visits if (u := elasticity(v)) is not None]
    share = max(LEAST_SHARE, statistics.median(u for u, _ in shares)) if shares else 1.0
    away = statistics.median(u * abs(math.log(pace / host.usual_pace)) for u, pace in shares) if shares else 0.0
    other = math.hypot(NORMAL * host.sd * share, away) * run.value
    return dataclasses.replace(
        run,
        lo=max(0.0, run.value - math.hypot(run.value - run.lo, other)),
        hi=run.value + math.hypot(run.hi - run.value, other),
        lo_run=run.lo,
        hi_run=run.hi,
    )


def _paces(holds: Sequence[Visit], *, censored: bool, why: str) -> dict[str, Estimate]:
    """The ceiling at pace 1, and the pace; nothing without a witness of the pace."""
    paces = [v.pace for v in holds if v.pace is not None]
    if not paces:
        return {}
    pace = Estimate(
        value=statistics.median(paces),
        lo=min(paces),
        hi=max(paces),
        method="fixed pieces of work on the target's CPUs, relative to the fastest so far on this machine",
        n_visits=len(paces),
    )
    paced = at_pace_1(holds)
    if paced is None:
        missing = Estimate(valid=False, reason="the target's CPU use is not known in every visit")
        return {"ceiling_at_pace_1": missing, "pace": pace}
    ceiling = pooled_interval(paced.rates, [v.half_width for v in holds])
    reason = paced.objection or (why if censored else "")
    at_1 = Estimate(
        value=ceiling.value,
        lo=ceiling.lo,
        hi=ceiling.hi if math.isfinite(ceiling.hi) and not reason else None,
        method="midmean of hold visits, each divided by pace to the power of its CPU share",
        n_visits=len(holds),
        valid=not reason,
        reason=reason,
    )
    return {"ceiling_at_pace_1": at_1, "pace": pace}


def _objection(holds: Sequence[Visit], bases: Sequence[Visit], outcome: Outcome, why: str) -> str:
    """Why the ceiling may not be quoted; empty if it may."""
    if outcome.end not in {End.FOUND, End.HELD}:
        return why
    share = _error_share(holds)
    if wilson(sum(v.errors for v in holds), sum(v.errors + v.good for v in holds)).lo <= TOLERATED:
        return ""
    if _all_shed(holds, bases):
        return ""
    return f"{share:.1%} of the answers at the held level were errors; a capacity may have 1 %"


def _all_shed(holds: Sequence[Visit], bases: Sequence[Visit]) -> bool:
    """Whether the errors are requests that were refused at once: then the good answers are all that can be had."""
    r0_ms = uncontended_ms(bases).value
    return isinstance(r0_ms, float) and all(sheds(v, r0_ms / 1000) for v in holds if failing(v))


def _error_share(holds: Sequence[Visit]) -> float:
    return sum(v.errors for v in holds) / max(1, sum(v.errors + v.good for v in holds))


def _remark(ceiling: Interval, holds: Sequence[Visit], bases: Sequence[Visit]) -> str:
    """What a reader of a valid ceiling should know."""
    remarks = []
    if ceiling.half_width > ROUGH:
        remarks.append(f"rough: known to ±{ceiling.half_width:.0%} only")
    share = _error_share(holds)
    if share > TOLERATED and _all_shed(holds, bases):
        remarks.append(f"good answers of a target that refused {share:.0%} of the requests at once")
    return "; ".join(remarks)


def _generator(visits: Sequence[Visit], hold_users: int | None) -> Estimate:
    """The generator's word over the visits that the ceiling rests on, the hold visits and those beyond them.

    LIMITED if it limited most of the hold visits or every last look beyond them; else the median over the hold visits,
    because one late wake-up on a shared machine does not make the generator the limit. Without a held level, over all.
    """
    holds = [v for v in visits if v.users == hold_users and v.phase is Phase.HOLD]
    judged = [v for v in (holds or [v for v in visits if v.phase is not Phase.WARM]) if v.gen_verdict is not None]
    if not judged:
        return Estimate(valid=False, reason="no visit")
    # Without a good answer, there is no goodput that the generator could have limited.
    limited = [v for v in judged if v.gen_verdict is Generator.LIMITED and v.good]
    beyond = [v for v in visits if v.phase is Phase.VERIFY][-1:]
    late = [v for v in beyond if v.gen_verdict is Generator.LIMITED and v.good and not failing(v)]
    if 2 * len(limited) > len(judged) or late:
        reason = (late or limited)[-1].reason
        return Estimate(value=Generator.LIMITED, valid=False, reason=reason, n_visits=len(judged) + len(late))
    order = list(Generator)
    words = sorted(order.index(v.gen_verdict) for v in judged if v.gen_verdict is not None)
    word = order[words[len(words) // 2]]
    reason = next((v.reason for v in judged if v.gen_verdict is word and v.reason), "")
    return Estimate(value=word, n_visits=len(judged), reason=reason, method="median of hold visits")


def _held_level(holds: Sequence[Visit], knee_users: Interval | None, think_s: float) -> int:
    """The held level in users who take their think time.

    If the users of the hold visits took none, it is twice the knee, where users with think time confirmed it.
    """
    if with_think(holds, think_s) or knee_users is None:
        return holds[0].users
    return round(2 * knee_users.value)


def _curve(visits: Sequence[Visit], most_users: int, think_s: float) -> list[Visit]:
    """The valid visits up to a level."""
    return [v for v in with_think(visits, think_s) if v.users <= max(most_users, 1) and v.valid and v.good]


def _nothing(visits: Sequence[Visit], end: End, why: str, generator: Estimate) -> Saturation:
    """A verdict without a ceiling: at most a lower bound, if the search was still climbing."""
    void = Estimate(valid=False, reason=why)
    answered = [v for v in visits if v.good and (v.phase is not Phase.WARM or end is End.GENERATOR_LIMITED)]
    bound = void
    if end in {End.MAX_USERS, End.TIMED_OUT, End.GENERATOR_LIMITED} and answered:
        bound = Estimate(
            lo=_lower_bound(answered),
            method=f"lower bound: the highest of {len(answered)} visits, each with its share of the doubt",
            n_visits=len(answered),
            valid=False,
            reason=why,
        )
    if end is End.INTERRUPTED:
        bound = _so_far(visits, why)
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


def _so_far(visits: Sequence[Visit], why: str) -> Estimate:
    """The best answer of an interrupted search. Before a level was held, it only bounds the ceiling from below."""
    known = interim(visits)
    if known.goodput is None:
        return Estimate(valid=False, reason=why)
    return Estimate(
        value=known.goodput.value,
        lo=known.goodput.lo,
        hi=known.goodput.hi if known.held and math.isfinite(known.goodput.hi) else None,
        method=UNCONFIRMED,
        n_visits=known.visits,
        valid=False,
        reason=f"{why}; {known.visits} visits at {known.users} users",
    )


def _lower_bound(visits: Sequence[Visit]) -> float:
    """A rate that the target has reached at least once, at 97.5 %, although it is the best of several visits.

    The highest of many visits is high by chance, so each gets its share of the error (Bonferroni).
    """
    wider = NormalDist().inv_cdf(1 - 0.025 / len(visits)) / NORMAL
    return max(max(0.0, v.goodput_rps - wider * chance_rps(v)) for v in visits)
