"""Whether two measurements of one metric differ: their ratio with its interval, and a word where the data carry one.

The one rule of the project: reports, comparisons, sweeps and nights all ask here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from floodmark.stats.intervals import LEVEL, t_quantile

LEAST_EFFECT = 0.03
"""Less than this is no difference, however sure it is."""
WIDEST = 0.10
"""An interval that reaches further than this from its ratio could hide anything: no verdict."""
PRIOR_SD, PRIOR_STARTS = 0.01, 4
"""Spread between freshly started servers before any is seen, and how many starts that guess is worth."""


class Word(StrEnum):
    """What B is beside A."""

    WORSE = "worse"
    BETTER = "better"
    TIE = "no difference"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One start's value with the relative half-width of its own 95 % interval, where it has one.

    round: starts of one round ran under the same conditions.
    """

    value: float
    half_width: float | None = None
    round: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """B over A.

    t, freedom: Student's t of the difference of logarithms, and its degrees of freedom. word: for a metric of which
    more is better, unless told otherwise.
    """

    ratio: float | None = None
    lo: float | None = None
    hi: float | None = None
    t: float | None = None
    freedom: int = 0
    word: Word = Word.CANNOT_TELL
    reason: str = ""

    @property
    def p(self) -> float | None:
        """Chance of such a difference where there is none, two-sided."""
        if self.t is None:
            return None
        from scipy.special import stdtr  # a report ranks without it, and need not wait a second for SciPy

        return float(2 * stdtr(self.freedom, -abs(self.t)))


def ratio(a: Sequence[Value], b: Sequence[Value], *, paired: bool = False, shift: Ratio | None = None) -> Ratio:
    """B over A from the starts of both.

    paired: only rounds that both have count, each as one difference. shift: what the machine did in between, to be
    taken off.
    """
    if paired:
        pairs = [(x, y) for x in a for y in b if x.round == y.round is not None]
        a, b = [x for x, _ in pairs], [y for _, y in pairs]
    if not a or not b:
        return Ratio(reason="no valid result of " + ("either" if not a and not b else "A" if not a else "B"))
    logs_a, logs_b = ([math.log(v.value) for v in side] for side in (a, b))
    if paired:
        differences = [y - x for x, y in zip(logs_a, logs_b, strict=True)]
        variance, freedom = _variance([differences], 2 * PRIOR_SD**2)
        error = math.sqrt(variance / len(differences))
    else:
        variance, freedom = _variance([logs_a, logs_b], PRIOR_SD**2)
        error = math.sqrt(variance * (1 / len(a) + 1 / len(b)) + _own(a) + _own(b))
    middle = _mean(logs_b) - _mean(logs_a)
    if shift is not None and shift.ratio and shift.lo:
        middle -= math.log(shift.ratio)
        error = math.hypot(error, (math.log(shift.ratio) - math.log(shift.lo)) / t_quantile(freedom))
    half = t_quantile(freedom) * error
    found = Ratio(
        ratio=math.exp(middle),
        lo=math.exp(middle - half),
        hi=math.exp(middle + half),
        t=middle / error,
        freedom=freedom,
    )
    return _worded(found, half)


def decide(found: Sequence[Ratio], *, less_is_better: Sequence[bool]) -> list[Ratio]:
    """Final words: Holm's correction over all of them, and which way is better."""
    order = sorted((i for i, r in enumerate(found) if r.p is not None), key=lambda i: found[i].p or 0.0)
    decided = list(found)
    worst = 0.0
    for rank, index in enumerate(order):
        one = found[index]
        assert one.p is not None
        worst = max(worst, min(1.0, (len(order) - rank) * one.p))
        if one.word in {Word.WORSE, Word.BETTER}:
            if worst > 1 - LEVEL:
                decided[index] = dataclasses.replace(
                    one, word=Word.TIE, reason=f"chance makes such a difference in one of {len(order)} rows"
                )
            elif less_is_better[index]:
                other = Word.BETTER if one.word is Word.WORSE else Word.WORSE
                decided[index] = dataclasses.replace(one, word=other)
    return decided


def rank(names: Sequence[str], values: Sequence[Sequence[Value]]) -> list[tuple[int, str]]:
    """Best first, with equal ranks for those that cannot be told from the first of their rank. Paired by round."""
    there = [i for i, side in enumerate(values) if side]
    there.sort(key=lambda i: -_mean([math.log(v.value) for v in values[i]]))
    ranks: list[tuple[int, str]] = []
    leader = 0
    for place, index in enumerate(there, 1):
        if place > 1:
            shared = {v.round for v in values[leader]} & {v.round for v in values[index]} - {None}
            if ratio(values[leader], values[index], paired=bool(shared)).word is not Word.WORSE:
                ranks.append((ranks[-1][0], names[index]))
                continue
        leader = index
        ranks.append((place, names[index]))
    return ranks


def _worded(found: Ratio, half: float) -> Ratio:
    assert found.ratio is not None
    assert found.lo is not None
    assert found.hi is not None
    if abs(found.ratio - 1) >= LEAST_EFFECT and not found.lo <= 1 <= found.hi:
        return dataclasses.replace(found, word=Word.WORSE if found.ratio < 1 else Word.BETTER)
    if half > WIDEST:
        return dataclasses.replace(found, reason=f"the interval is wider than {WIDEST:.0%} to each side")
    return dataclasses.replace(found, word=Word.TIE)


def _variance(groups: Sequence[Sequence[float]], prior: float) -> tuple[float, int]:
    """Pooled within the groups, and with the prior."""
    square = sum((v - _mean(group)) ** 2 for group in groups for v in group)
    freedom = sum(len(group) - 1 for group in groups)
    return (PRIOR_STARTS * prior + square) / (PRIOR_STARTS + freedom), PRIOR_STARTS + freedom


def _own(starts: Sequence[Value]) -> float:
    """Variance from a lone run's own interval; several tell by their spread."""
    if len(starts) > 1 or starts[0].half_width is None:
        return 0.0
    return (starts[0].half_width / 1.96) ** 2


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
