"""Judges a sweep: which settings are best, and where more stops helping. Pure functions of the measured points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from floodmark.stats.intervals import Interval
from floodmark.sweep.grid import Axis, Kind, number
from floodmark.verdict.difference import Value, Word, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A measured point."""

    choices: Mapping[str, str]
    """Value by axis key."""
    ceiling: Interval | None
    """None if there is no ceiling to recommend by."""
    open: bool = False
    """Without a ceiling: whether it may be high nevertheless."""
    alone_hi: float = 0.0
    """Upper limit of the ceiling if the generator had not used the target's CPUs."""
    cost: tuple[float, ...] = ()
    """Sort key; cheap settings come first."""
    pss_bytes: int | None = None
    """The most memory observed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The answer for one budget and one load."""

    given: Mapping[str, str]
    """The budget and the load."""
    best: Trial
    """The highest ceiling."""
    ties: tuple[Trial, ...]
    """Those that do not differ from it."""
    recommended: Trial
    """The cheapest of all these."""
    open: tuple[Trial, ...] = ()
    """Those without a ceiling, which may be better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The effect of more along one axis, with the others fixed."""

    axis: Axis
    given: Mapping[str, str]
    """The values of the other axes."""
    tried: tuple[str, ...]
    """The values with a ceiling, in ascending order."""
    enough: str | None
    """The first value beyond which more is no gain; None if the last one still was a gain."""
    worse: str | None
    """The first value beyond ``enough`` that is a loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The judgement of a sweep."""

    choices: tuple[Choice, ...] = ()
    lines: tuple[Line, ...] = ()
    per_worker_bytes: float | None = field(default=None)
    """Memory that each additional worker takes."""


def judge(trials: Sequence[Trial], axes: Sequence[Axis]) -> Judgement:
    """Judge a sweep."""
    return Judgement(
        choices=tuple(_choices(trials, axes)),
        lines=tuple(line for axis in axes if _ordered(axis) for line in _lines(trials, axes, axis)),
        per_worker_bytes=_per_worker(trials, axes),
    )


def better(high: Trial, low: Trial, *, same_budget: bool) -> bool:
    """Whether ``high`` is a significant gain over ``low`` (``verdict.difference``).

    Within a budget, the generator's own use of shared CPUs affects both alike. Between budgets, ``low`` counts as what
    it could have been without it.
    """
    if high.ceiling is None or low.ceiling is None or low.ceiling.value <= 0 or high.ceiling.value <= 0:
        return False
    a, b = low.ceiling, high.ceiling
    # The possible gain is a limit, not a spread, so it raises the value that has to be beaten.
    possible_gain = 1.0 if same_budget else max(1.0, low.alone_hi / a.hi)
    less = Value(value=a.value * possible_gain, half_width=a.hi / a.value - 1)
    more = Value(value=b.value, half_width=1 - b.lo / b.value)
    return ratio([less], [more]).word is Word.BETTER


def _choices(trials: Sequence[Trial], axes: Sequence[Axis]) -> list[Choice]:
    fixed = [axis.key for axis in axes if axis.kind is not Kind.SETTING]
    groups: dict[tuple[str, ...], list[Trial]] = {}
    for trial in trials:
        if trial.ceiling is not None or trial.open:
            groups.setdefault(tuple(trial.choices[key] for key in fixed), []).append(trial)
    choices = []
    for values, everything in groups.items():
        group = [trial for trial in everything if trial.ceiling is not None]
        if not group:
            continue
        unknown = tuple(trial for trial in everything if trial.ceiling is None)
        best = max(group, key=lambda t: t.ceiling.value if t.ceiling else 0.0)
        ties = tuple(t for t in group if t is not best and not better(best, t, same_budget=True))
        recommended = min((best, *ties), key=lambda t: t.cost)
        given = dict(zip(fixed, values, strict=True))
        choices.append(Choice(given=given, best=best, ties=ties, recommended=recommended, open=unknown))
    return sorted(choices, key=lambda choice: [number(v) or 0.0 for v in choice.given.values()])


def _ordered(axis: Axis) -> bool:
    """Whether the values of the axis have an order."""
    return axis.kind is not Kind.CONDITION and all(number(value) is not None for value in axis.values)


def _lines(trials: Sequence[Trial], axes: Sequence[Axis], along: Axis) -> list[Line]:
    others = [axis.key for axis in axes if axis is not along]
    rows: dict[tuple[str, ...], list[Trial]] = {}
    for trial in trials:
        if trial.ceiling is not None:
            rows.setdefault(tuple(trial.choices[key] for key in others), []).append(trial)
    return [_line(along, dict(zip(others, values, strict=True)), row) for values, row in rows.items() if len(row) > 1]


def _line(along: Axis, given: Mapping[str, str], row: Sequence[Trial]) -> Line:
    row = sorted(row, key=lambda t: number(t.choices[along.key]) or 0.0)
    same = along.kind is Kind.SETTING
    enough = next(
        (i for i, t in enumerate(row[:-1]) if not any(better(m, t, same_budget=same) for m in row[i + 1 :])), None
    )
    worse = None
    if enough is not None:
        worse = next((t for t in row[enough + 1 :] if better(row[enough], t, same_budget=same)), None)
    return Line(
        axis=along,
        given=given,
        tried=tuple(t.choices[along.key] for t in row),
        enough=None if enough is None else row[enough].choices[along.key],
        worse=None if worse is None else worse.choices[along.key],
    )


def _per_worker(trials: Sequence[Trial], axes: Sequence[Axis]) -> float | None:
    """Memory per additional worker, median over the lines along the axis of workers."""
    along = next((axis for axis in axes if axis.key in {"server.workers", "server.processes"}), None)
    if along is None:
        return None
    rows: dict[tuple[str, ...], list[tuple[float, int]]] = {}
    for trial in trials:
        workers = number(trial.choices[along.key])
        if trial.pss_bytes is not None and workers is not None:
            key = tuple(v for k, v in trial.choices.items() if k != along.key)
            rows.setdefault(key, []).append((workers, trial.pss_bytes))
    slopes = []
    for row in rows.values():
        (few, less), (many, more) = min(row), max(row)
        if many > few:
            slopes.append((more - less) / (many - few))
    return sorted(slopes)[len(slopes) // 2] if slopes else None
