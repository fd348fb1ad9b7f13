"""The one rule for whether two measurements of a metric differ, used by reports, comparisons, sweeps and nights."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from floodmark.stats.intervals import LEVEL, t_quantile

LEAST_EFFECT = 0.03
"""A smaller relative difference counts as none, even if it is significant."""
WIDEST = 0.10
"""Relative half-width beyond which an interval could hide any difference: no verdict."""
NORMAL = 1.96
PRIOR_SD, PRIOR_STARTS = 0.01, 4
"""Prior for the relative spread between freshly started servers, and how many starts it counts as."""


class Word(StrEnum):
    """How B compares with A."""

    WORSE = "worse"
    BETTER = "better"
    TIE = "no difference"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The value of one start."""

    value: float
    half_width: float | None = None
    """Relative half-width of the run's own 95 % interval, if it has one."""
    round: int | None = None
    """Starts of one round ran under the same conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """B over A, with its 95 % interval."""

    ratio: float | None = None
    lo: float | None = None
    hi: float | None = None
    t: float | None = None
    """Student's t of the difference of the logarithms."""
    freedom: int = 0
    """Degrees of freedom of ``t``."""
    word: Word = Word.CANNOT_TELL
    """From ``ratio``: assumes that more is better. From ``decide``: final."""
    reason: str = ""

    @property
    def p(self) -> float | None:
        """Two-sided p-value: the probability of such a difference if there is none."""
        if self.t is None:
            return None
        from scipy.special import stdtr  # importing SciPy takes a second, and reports rank without it

        return float(2 * stdtr(self.freedom, -abs(self.t)))


def ratio(
    a: Sequence[Value], b: Sequence[Value], *, paired: bool = False, shift: Ratio | None = None, host_sd: float = 0.0
) -> Ratio:
    """B over A, from the starts of both.

    With ``paired``, only rounds that both have count, each as one difference. ``shift``, if given, is how much the
    machine itself changed in between; it is removed. ``host_sd`` is the relative standard deviation of what a machine
    changes by itself between the two occasions: more starts on the same two occasions do not make it smaller.
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
        error = math.sqrt(variance * (1 / len(a) + 1 / len(b)) + _within_run(a) + _within_run(b))
    difference = _mean(logs_b) - _mean(logs_a)
    if shift is not None and shift.ratio and shift.lo:
        difference -= math.log(shift.ratio)
        error = math.hypot(error, (math.log(shift.ratio) - math.log(shift.lo)) / t_quantile(freedom))
    half = math.hypot(t_quantile(freedom) * error, NORMAL * host_sd)
    estimate = Ratio(
        ratio=math.exp(difference),
        lo=math.exp(difference - half),
        hi=math.exp(difference + half),
        t=difference * t_quantile(freedom) / half,
        freedom=freedom,
    )
    return _worded(estimate, half)


def decide(ratios: Sequence[Ratio], *, less_is_better: Sequence[bool]) -> list[Ratio]:
    """The final words, after Holm's correction over all ratios and with the direction of each metric."""
    order = sorted((i for i, r in enumerate(ratios) if r.p is not None), key=lambda i: ratios[i].p or 0.0)
    decided = list(ratios)
    corrected_p = 0.0
    for rank, index in enumerate(order):
        candidate = ratios[index]
        assert candidate.p is not None
        corrected_p = max(corrected_p, min(1.0, (len(order) - rank) * candidate.p))
        if candidate.word in {Word.WORSE, Word.BETTER}:
            if corrected_p > 1 - LEVEL:
                decided[index] = dataclasses.replace(
                    candidate, word=Word.TIE, reason=f"chance makes such a difference in one of {len(order)} rows"
                )
            elif less_is_better[index]:
                opposite = Word.BETTER if candidate.word is Word.WORSE else Word.WORSE
                decided[index] = dataclasses.replace(candidate, word=opposite)
    return decided


def rank(names: Sequence[str], values: Sequence[Sequence[Value]]) -> list[tuple[int, str]]:
    """Rank and name, best first. Those that do not differ from the first of their rank share it. Paired by round."""
    measured = [i for i, side in enumerate(values) if side]
    measured.sort(key=lambda i: -_mean([math.log(v.value) for v in values[i]]))
    ranks: list[tuple[int, str]] = []
    leader = 0
    for place, index in enumerate(measured, 1):
        if place > 1:
            shared = {v.round for v in values[leader]} & {v.round for v in values[index]} - {None}
            if ratio(values[leader], values[index], paired=bool(shared)).word is not Word.WORSE:
                ranks.append((ranks[-1][0], names[index]))
                continue
        leader = index
        ranks.append((place, names[index]))
    return ranks


def _worded(estimate: Ratio, half: float) -> Ratio:
    assert estimate.ratio is not None
    assert estimate.lo is not None
    assert estimate.hi is not None
    if abs(estimate.ratio - 1) >= LEAST_EFFECT and not estimate.lo <= 1 <= estimate.hi:
        return dataclasses.replace(estimate, word=Word.WORSE if estimate.ratio < 1 else Word.BETTER)
    if half > WIDEST:
        return dataclasses.replace(estimate, reason=f"the interval is wider than {WIDEST:.0%} to each side")
    return dataclasses.replace(estimate, word=Word.TIE)


def _variance(groups: Sequence[Sequence[float]], prior: float) -> tuple[float, int]:
    """Variance pooled over the groups and the prior, and its degrees of freedom."""
    squares = sum((v - _mean(group)) ** 2 for group in groups for v in group)
    freedom = sum(len(group) - 1 for group in groups)
    return (PRIOR_STARTS * prior + squares) / (PRIOR_STARTS + freedom), PRIOR_STARTS + freedom


def _within_run(starts: Sequence[Value]) -> float:
    """Variance from the run's own interval if there is a single start; several starts show it by their spread."""
    if len(starts) > 1 or starts[0].half_width is None:
        return 0.0
    return (starts[0].half_width / 1.96) ** 2


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
