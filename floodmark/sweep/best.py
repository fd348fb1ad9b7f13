"""Which settings are best, and where more stops helping. A pure function of the measured points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from floodmark.stats.intervals import Interval
from floodmark.sweep.grid import Axis, Kind, number
from floodmark.verdict.difference import Value, Word, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A measured point.

    choices: value by axis. ceiling: None where there is no number that may be recommended; open: then it may be high
    all the same, rather than of no use. alone_hi: upper limit of what the ceiling would be if the generator had not
    used the target's own CPUs. cost: what is cheap sorts first. pss_bytes: most memory seen.
    """

    choices: Mapping[str, str]
    ceiling: Interval | None
    open: bool = False
    alone_hi: float = 0.0
    cost: tuple[float, ...] = ()
    pss_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The answer for one budget and one load, which ``given`` says: best by value, what ties with it, and the
    cheapest of those. open: settings without a number, which may be better.
    """

    given: Mapping[str, str]
    best: Trial
    ties: tuple[Trial, ...]
    recommended: Trial
    open: tuple[Trial, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What more of one thing brings, the others being as ``given``.

    tried: its values in rising order, those without a number left out. enough: first value after which no more of it
    is a gain; None where the last one tried still was. worse: first value beyond it that is a loss against it.
    """

    axis: Axis
    given: Mapping[str, str]
    tried: tuple[str, ...]
    enough: str | None
    worse: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything a sweep says. per_worker_bytes: memory that each further worker took."""

    choices: tuple[Choice, ...] = ()
    lines: tuple[Line, ...] = ()
    per_worker_bytes: float | None = field(default=None)


def judge(trials: Sequence[Trial], axes: Sequence[Axis]) -> Judgement:
    """Judge a sweep."""
    return Judgement(
        choices=tuple(_choices(trials, axes)),
        lines=tuple(line for one in axes if _ordered(one) for line in _lines(trials, axes, one)),
        per_worker_bytes=_per_worker(trials, axes),
    )


def better(high: Trial, low: Trial, *, same_budget: bool) -> bool:
    """Whether ``high`` is a gain over ``low`` that may be called one (``verdict.difference``).

    The generator's own use of shared CPUs is the same for both in one budget; between budgets, what ``low`` might
    have been without it counts.
    """
    if high.ceiling is None or low.ceiling is None or low.ceiling.value <= 0 or high.ceiling.value <= 0:
        return False
    a, b = low.ceiling, high.ceiling
    # What it might have been is a limit, not a spread: it moves the value that has to be beaten.
    might = 1.0 if same_budget else max(1.0, low.alone_hi / a.hi)
    less = Value(value=a.value * might, half_width=a.hi / a.value - 1)
    more = Value(value=b.value, half_width=1 - b.lo / b.value)
    return ratio([less], [more]).word is Word.BETTER


def _choices(trials: Sequence[Trial], axes: Sequence[Axis]) -> list[Choice]:
    fixed = [one.key for one in axes if one.kind is not Kind.SETTING]
    groups: dict[tuple[str, ...], list[Trial]] = {}
    for trial in trials:
        if trial.ceiling is not None or trial.open:
            groups.setdefault(tuple(trial.choices[key] for key in fixed), []).append(trial)
    found = []
    for values, everything in groups.items():
        group = [trial for trial in everything if trial.ceiling is not None]
        if not group:
            continue
        unknown = tuple(trial for trial in everything if trial.ceiling is None)
        best = max(group, key=lambda t: t.ceiling.value if t.ceiling else 0.0)
        ties = tuple(t for t in group if t is not best and not better(best, t, same_budget=True))
        recommended = min((best, *ties), key=lambda t: t.cost)
        given = dict(zip(fixed, values, strict=True))
        found.append(Choice(given=given, best=best, ties=ties, recommended=recommended, open=unknown))
    return sorted(found, key=lambda choice: [number(v) or 0.0 for v in choice.given.values()])


def _ordered(one: Axis) -> bool:
    """Whether more of it means anything."""
    return one.kind is not Kind.CONDITION and all(number(value) is not None for value in one.values)


def _lines(trials: Sequence[Trial], axes: Sequence[Axis], along: Axis) -> list[Line]:
    others = [one.key for one in axes if one is not along]
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
    """Median over the lines of workers of memory gained per worker added."""
    along = next((one for one in axes if one.key in {"server.workers", "server.processes"}), None)
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
