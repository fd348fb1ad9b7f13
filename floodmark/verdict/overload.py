"""What happens beyond the ceiling: how much is kept, where errors begin, where it collapses, how soon it recovers."""

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
"""Share of the ceiling below which goodput has collapsed."""
TOLERATED = 0.01
"""Share of errors that a capacity may have."""
FACTORS = {"1_5x": 1.5, "2x": 2.0, "4x": 4.0}
"""Overloads that are looked at, as multiples of the knee in users."""
NEAR = 1.25
"""A level within this factor of a multiple stands for it; it says which it was."""

USED = {Phase.PLACE, Phase.HOLD, Phase.VERIFY, Phase.OVERLOAD}
"""Phases whose users behave as those of the held level do."""
UNPAUSED = {Phase.BASE, Phase.BRACKET}
"""Phases whose users take no think time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """kept: share of the ceiling at the highest level. at: further figures by metric. metastable: still worse than
    before when the overload was over; None where that was not looked at.
    """

    kept: Estimate
    collapse_users: Estimate
    error_onset_users: Estimate
    recovery_s: Estimate
    at: Mapping[str, Estimate]
    metastable: bool | None = None


def look_beyond(
    visits: Sequence[Visit], *, hold_users: int, ceiling_rps: float, knee_users: float | None, think_s: float
) -> Overload:
    """Judge the visits beyond the ceiling."""
    used = as_held(visits, think_s)
    beyond = [s for s in used if s.users > hold_users and s.phase not in UNPAUSED]
    recovery, metastable = _recovery(visits, ceiling_rps, think_s)
    return Overload(
        kept=_kept([s for s in beyond if s.phase is Phase.VERIFY], ceiling_rps),
        collapse_users=_collapse(beyond, hold_users, ceiling_rps),
        error_onset_users=error_onset(used),
        recovery_s=recovery,
        at={} if knee_users is None else _at_multiples(used, knee_users, ceiling_rps),
        metastable=metastable,
    )


def as_held(visits: Sequence[Visit], think_s: float) -> list[Visit]:
    """Visits whose users behaved as those of the held level do; without think time, those that take none as well."""
    return [s for s in visits if s.phase in USED or (s.phase in UNPAUSED and not think_s)]


def _kept(beyond: Sequence[Visit], ceiling_rps: float) -> Estimate:
    if not beyond:
        return Estimate(valid=False, reason="no visit beyond the held level")
    most = max(s.users for s in beyond)
    rates = [s.goodput_rps for s in beyond if s.users == most]
    return Estimate(
        value=statistics.median(rates) / ceiling_rps,
        method=f"goodput at {most} users over the ceiling",
        n_visits=len(rates),
    )


def _collapse(beyond: Sequence[Visit], hold_users: int, ceiling_rps: float) -> Estimate:
    """The least level below 90 % of the ceiling, where two visits far beyond agree that there is one."""
    if not beyond:
        return Estimate(valid=False, reason="no visit beyond the held level")
    if not verified_collapse(beyond, ceiling_rps):
        most = float(max(s.users for s in beyond))
        return Estimate(value=f"none_to_{most:.0f}", lo=most, method="no level below 90 %, twice", n_visits=len(beyond))
    levels: dict[int, list[float]] = {}
    for visit in beyond:
        levels.setdefault(visit.users, []).append(visit.goodput_rps)
    falling = sorted(levels, reverse=True)
    low = list(itertools.takewhile(lambda n: statistics.median(levels[n]) < COLLAPSED * ceiling_rps, falling))
    least = min(low, default=falling[0])
    below = max([hold_users, *(n for n in levels if n < least)])
    return Estimate(
        value=float(least),
        lo=float(below),
        hi=float(least),
        method=f"first level below 90 %; {below} users are above it",
        n_visits=sum(len(levels[n]) for n in low),
    )


def verified_collapse(visits: Sequence[Visit], ceiling_rps: float) -> bool:
    """Whether the visits that were to verify the ceiling fell below 90 % of it, twice."""
    verifying = [s for s in visits if s.phase is Phase.VERIFY]
    return len(verifying) >= 2 and all(s.goodput_rps < COLLAPSED * ceiling_rps for s in verifying[-2:])


def failing(visit: Visit) -> bool:
    """Whether more than 1 % of the answers are errors, beyond chance."""
    return wilson(visit.errors, visit.good + visit.errors).lo > TOLERATED


def error_onset(used: Sequence[Visit]) -> Estimate:
    """The least level with more than 1 % errors, beyond chance, and the highest one below it without."""
    if not used:
        return Estimate(valid=False, reason="no visit")
    bad = [s.users for s in used if failing(s)]
    most = max(s.users for s in used)
    if not bad:
        return Estimate(value=f"none_to_{most}", lo=float(most), method="no level with more than 1 % errors")
    least = min(bad)
    below = max((s.users for s in used if s.users < least), default=0)
    return Estimate(
        value=float(least),
        lo=float(below),
        hi=float(least),
        method=f"first level with more than 1 % errors (95 %); {below} users have fewer",
        n_visits=len(bad),
    )


def _recovery(visits: Sequence[Visit], ceiling_rps: float, think_s: float) -> tuple[Estimate, bool | None]:
    """Seconds from the end of the overload until a visit at half the knee was as before."""
    first = next((i for i, s in enumerate(visits) if s.phase is Phase.RECOVERY), None)
    if not first:
        return Estimate(valid=False, reason="recovery was not looked at"), None
    ended = visits[first - 1].t_end_s
    before = Before.of(visits[:first], ceiling_rps)
    looks = [s for s in visits[first:] if s.phase is Phase.RECOVERY]
    for visit in looks:
        if recovered(visit, before, think_s):
            point = Estimate(
                value=visit.t_end_s - ended,
                lo=max(0.0, visit.t_start_s - ended),
                hi=visit.t_end_s - ended,
                method=f"until {visit.users} users were served as before",
                n_visits=len(looks),
            )
            return point, False
    last = looks[-1].t_end_s - ended
    return Estimate(
        lo=last, method=f"{looks[-1].users} users were still served worse than before", n_visits=len(looks)
    ), True


def _at_multiples(used: Sequence[Visit], knee_users: float, ceiling_rps: float) -> dict[str, Estimate]:
    """Goodput kept, errors and tail at 1.5, 2 and 4 times the knee."""
    found: dict[str, Estimate] = {}
    for name, factor in FACTORS.items():
        wanted = factor * knee_users
        near = [s for s in used if wanted / NEAR <= s.users <= wanted * NEAR]
        users = min({s.users for s in near}, key=lambda n: abs(n - wanted), default=None)
        visits = [s for s in near if s.users == users]
        tails = [s.r_p95_ms for s in visits if s.r_p95_ms is not None]
        where = f"{users} users"
        if not visits:
            missing = Estimate(valid=False, reason=f"no visit near {wanted:.0f} users")
            found |= dict.fromkeys((f"overload_{name}_{what}" for what in ("kept", "errors", "p95_ms")), missing)
            continue
        found[f"overload_{name}_kept"] = Estimate(
            value=statistics.median(s.goodput_rps for s in visits) / ceiling_rps, method=where, n_visits=len(visits)
        )
        found[f"overload_{name}_errors"] = Estimate(
            value=sum(s.errors for s in visits) / max(1, sum(s.errors + s.good for s in visits)),
            method=where + _kinds(visits),
            n_visits=len(visits),
        )
        found[f"overload_{name}_p95_ms"] = Estimate(
            value=statistics.median(tails) if tails else None,
            method=f"{where}, median of visits",
            n_visits=len(tails) or None,
            valid=bool(tails),
            reason="" if tails else "too few answers in a visit for this percentile",
        )
    return found


def _kinds(visits: Sequence[Visit]) -> str:
    """Which errors, most frequent first."""
    counts = {
        name: sum(getattr(s, f"error_{name}") for s in visits)
        for name in ("refused", "timeout", "reset", "http", "body")
    }
    named = [f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1]) if count]
    return f": {', '.join(named)}" if named else ""
