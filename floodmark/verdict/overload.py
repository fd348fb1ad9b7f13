"""What happens beyond the ceiling: the goodput kept, where errors begin, where it collapses, how soon it recovers."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.stats.intervals import wilson
from floodmark.verdict.enums import Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.recovery import Before, recovered
from floodmark.verdict.visit import Visit

COLLAPSED = 0.9
"""Goodput below this share of the ceiling is a collapse."""
TOLERATED = 0.01
"""Share of errors that a capacity may have."""
FACTORS = {"1_5x": 1.5, "2x": 2.0, "4x": 4.0}
"""The overloads that are reported, as multiples of the knee in users."""
NEAR = 1.25
"""A level within this factor of a multiple is reported for it, with the level named."""

USED = {Phase.PLACE, Phase.HOLD, Phase.VERIFY, Phase.OVERLOAD}
"""Phases whose users behave like those at the held level."""
UNPAUSED = {Phase.BASE, Phase.BRACKET}
"""Phases whose users take no think time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """The behaviour of a target beyond its ceiling."""

    kept: Estimate
    """Goodput at the highest level, as a share of the ceiling."""
    collapse_users: Estimate
    error_onset_users: Estimate
    recovery_s: Estimate
    at: Mapping[str, Estimate]
    """Figures at multiples of the knee, by metric."""
    metastable: bool | None = None
    """Whether the target was still worse after the overload; None: not visited."""


def look_beyond(
    visits: Sequence[Visit], *, hold_users: int, ceiling_rps: float, knee_users: float | None, think_s: float
) -> Overload:
    """Judge the visits beyond the ceiling."""
    comparable = with_think(visits, think_s)
    beyond = [v for v in comparable if v.users > hold_users and v.phase not in UNPAUSED]
    recovery, metastable = _recovery(visits, ceiling_rps, think_s)
    return Overload(
        kept=_kept([v for v in beyond if v.phase is Phase.VERIFY], ceiling_rps),
        collapse_users=_collapse(beyond, hold_users, ceiling_rps),
        error_onset_users=error_onset(comparable),
        recovery_s=recovery,
        at={} if knee_users is None else _at_multiples(comparable, knee_users, ceiling_rps),
        metastable=metastable,
    )


def with_think(visits: Sequence[Visit], think_s: float) -> list[Visit]:
    """Visits whose users took their think time if ``think_s`` is above 0, and took none if it is 0."""
    return [v for v in visits if v.phase in USED | UNPAUSED and _thinks(v, think_s) == (think_s > 0)]


def _thinks(visit: Visit, think_s: float) -> bool:
    """Whether the users of a visit took their think time. In runs that do not say, the phase does."""
    if visit.think_s is None:
        return think_s > 0 and visit.phase not in UNPAUSED
    return visit.think_s > 0


def _kept(beyond: Sequence[Visit], ceiling_rps: float) -> Estimate:
    if not beyond:
        return Estimate(valid=False, reason="no visit beyond the held level")
    most = max(v.users for v in beyond)
    rates = [v.goodput_rps for v in beyond if v.users == most]
    return Estimate(
        value=statistics.median(rates) / ceiling_rps,
        method=f"goodput at {most} users over the ceiling",
        n_visits=len(rates),
    )


def _collapse(beyond: Sequence[Visit], hold_users: int, ceiling_rps: float) -> Estimate:
    """The lowest level below 90 % of the ceiling, provided that two visits far beyond it confirm a collapse."""
    if not beyond:
        return Estimate(valid=False, reason="no visit beyond the held level")
    if not verified_collapse(beyond, ceiling_rps):
        most = float(max(v.users for v in beyond))
        return Estimate(value=f"none_to_{most:.0f}", lo=most, method="no level below 90 %, twice", n_visits=len(beyond))
    levels: dict[int, list[float]] = {}
    for visit in beyond:
        levels.setdefault(visit.users, []).append(visit.goodput_rps)
    descending = sorted(levels, reverse=True)
    collapsed = list(itertools.takewhile(lambda n: statistics.median(levels[n]) < COLLAPSED * ceiling_rps, descending))
    least = min(collapsed, default=descending[0])
    below = max([hold_users, *(n for n in levels if n < least)])
    return Estimate(
        value=float(least),
        lo=float(below),
        hi=float(least),
        method=f"first level below 90 %; {below} users are above it",
        n_visits=sum(len(levels[n]) for n in collapsed),
    )


def verified_collapse(visits: Sequence[Visit], ceiling_rps: float) -> bool:
    """Whether the last two visits that verify the ceiling both fell below 90 % of it."""
    verifying = [v for v in visits if v.phase is Phase.VERIFY]
    return len(verifying) >= 2 and all(v.goodput_rps < COLLAPSED * ceiling_rps for v in verifying[-2:])


def failing(visit: Visit) -> bool:
    """Whether significantly more than 1 % of the answers are errors."""
    return wilson(visit.errors, visit.good + visit.errors).lo > TOLERATED


def error_onset(comparable: Sequence[Visit]) -> Estimate:
    """The lowest level with significantly more than 1 % errors; ``lo`` is the highest level below it."""
    if not comparable:
        return Estimate(valid=False, reason="no visit")
    failing_levels = [v.users for v in comparable if failing(v)]
    most = max(v.users for v in comparable)
    if not failing_levels:
        return Estimate(value=f"none_to_{most}", lo=float(most), method="no level with more than 1 % errors")
    least = min(failing_levels)
    below = max((v.users for v in comparable if v.users < least), default=0)
    return Estimate(
        value=float(least),
        lo=float(below),
        hi=float(least),
        method=f"first level with more than 1 % errors (95 %); {below} users have fewer",
        n_visits=len(failing_levels),
    )


def _recovery(visits: Sequence[Visit], ceiling_rps: float, think_s: float) -> tuple[Estimate, bool | None]:
    """Seconds from the end of the overload until a visit at half the knee was as good as before; and metastable."""
    first = next((i for i, v in enumerate(visits) if v.phase is Phase.RECOVERY), None)
    if not first:
        return Estimate(valid=False, reason="recovery was not looked at"), None
    ended = visits[first - 1].t_end_s
    before = Before.of(visits[:first], ceiling_rps)
    recoveries = [v for v in visits[first:] if v.phase is Phase.RECOVERY]
    for visit in recoveries:
        if recovered(visit, before, think_s):
            point = Estimate(
                value=visit.t_end_s - ended,
                lo=max(0.0, visit.t_start_s - ended),
                hi=visit.t_end_s - ended,
                method=f"until {visit.users} users were served as before",
                n_visits=len(recoveries),
            )
            return point, False
    last = recoveries[-1].t_end_s - ended
    return Estimate(
        lo=last, method=f"{recoveries[-1].users} users were still served worse than before", n_visits=len(recoveries)
    ), True


def _at_multiples(comparable: Sequence[Visit], knee_users: float, ceiling_rps: float) -> dict[str, Estimate]:
    """Goodput kept, share of errors and p95 at 1.5, 2 and 4 times the knee."""
    points: dict[str, Estimate] = {}
    for name, factor in FACTORS.items():
        wanted = factor * knee_users
        near = [v for v in comparable if wanted / NEAR <= v.users <= wanted * NEAR]
        users = min({v.users for v in near}, key=lambda n: abs(n - wanted), default=None)
        visits = [v for v in near if v.users == users]
        tails = [v.r_p95_ms for v in visits if v.r_p95_ms is not None]
        where = f"{users} users"
        if not visits:
            missing = Estimate(valid=False, reason=f"no visit near {wanted:.0f} users")
            points |= dict.fromkeys((f"overload_{name}_{what}" for what in ("kept", "errors", "p95_ms")), missing)
            continue
        points[f"overload_{name}_kept"] = Estimate(
            value=statistics.median(v.goodput_rps for v in visits) / ceiling_rps, method=where, n_visits=len(visits)
        )
        points[f"overload_{name}_errors"] = Estimate(
            value=sum(v.errors for v in visits) / max(1, sum(v.errors + v.good for v in visits)),
            method=where + _kinds(visits),
            n_visits=len(visits),
        )
        points[f"overload_{name}_p95_ms"] = Estimate(
            value=statistics.median(tails) if tails else None,
            method=f"{where}, median of visits",
            n_visits=len(tails) or None,
            valid=bool(tails),
            reason="" if tails else "too few answers in a visit for this percentile",
        )
    return points


def _kinds(visits: Sequence[Visit]) -> str:
    """The kinds of errors with their counts, most frequent first."""
    counts = {
        name: sum(getattr(v, f"error_{name}") for v in visits)
        for name in ("refused", "timeout", "reset", "http", "body")
    }
    named = [f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1]) if count]
    return f": {', '.join(named)}" if named else ""
