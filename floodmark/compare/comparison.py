"""Two sides, metric by metric: the rows of a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.compare.enums import Role
from floodmark.compare.inputs import RunSet, notes, unlike
from floodmark.errors import UsageError
from floodmark.verdict.difference import Ratio, Value, Word, decide, rank, ratio

METRICS = {"ceiling_rps": False, "r0_ms": True, "slo_rate_rps": False}
"""What is compared, and whether less of it is better."""
UNITS = {"ceiling_rps": "requests/s", "r0_ms": "ms", "slo_rate_rps": "requests/s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One metric of one setup: B over A. normalised: what the reference did meanwhile is taken off."""

    setup: str
    role: str = Role.SETUP
    metric: str
    unit: str
    a: float | None = None
    b: float | None = None
    n_a: int = 0
    n_b: int = 0
    ratio: float | None = None
    lo: float | None = None
    hi: float | None = None
    p: float | None = None
    word: Word = Word.CANNOT_TELL
    normalised: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A and B. unlike: why they should not be compared; then it was forced. notes: what else differs."""

    a: str
    b: str
    unlike: tuple[str, ...]
    notes: tuple[str, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    platform: tuple[str, ...]
    rows: tuple[ComparisonRow, ...]

    @property
    def worse(self) -> list[ComparisonRow]:
        return [row for row in self.rows if row.word is Word.WORSE and row.role != Role.REFERENCE]


def compare(a: RunSet, b: RunSet, *, force: bool = False) -> Comparison:
    """Compare what both have. Raises UsageError where they are unlike and it is not forced."""
    pairs = [(name, name) for name in a.names if name in b.names]
    if not pairs and len(a.names) == len(b.names) == 1:
        pairs = [(a.names[0], b.names[0])]
    if not pairs:
        raise UsageError(f"nothing to compare: {a.path} has {', '.join(a.names)}; {b.path} has {', '.join(b.names)}")
    against = list(dict.fromkeys(d for x, y in pairs for d in _each(x, y, unlike(a.of(x)[0], b.of(y)[0]), len(pairs))))
    if against and not force:
        raise UsageError(
            "A and B are unlike:\n  " + "\n  ".join(against) + "\ncompare like runs, or give --force and mind these"
        )
    rows = _rows(a, b, pairs)
    return Comparison(
        a=str(a.path),
        b=str(b.path),
        unlike=tuple(against),
        notes=tuple(dict.fromkeys(d for x, y in pairs for d in notes(a.of(x)[0], b.of(y)[0]))),
        only_a=tuple(name for name in a.names if name not in {x for x, _ in pairs}),
        only_b=tuple(name for name in b.names if name not in {y for _, y in pairs}),
        platform=tuple(_platform(rows)),
        rows=tuple(rows),
    )


def _each(x: str, y: str, differences: Sequence[str], of: int) -> list[str]:
    return [f"{x}: {d}" if of > 1 and x == y else d for d in differences]


def _rows(a: RunSet, b: RunSet, pairs: Sequence[tuple[str, str]]) -> list[ComparisonRow]:
    keys = [
        (x, y, metric)
        for x, y in pairs
        for metric in METRICS
        if any(metric in start.run.results for start in a.of(x) + b.of(y))
    ]
    frozen = [key for key in keys if a.of(key[0])[0].role == Role.REFERENCE]
    of_references = decide([_ratio(a, b, key) for key in frozen], less_is_better=[METRICS[k[2]] for k in frozen])
    moved = {
        (a.of(key[0])[0].group, key[2]): found
        for key, found in zip(frozen, of_references, strict=True)
        if found.word in {Word.WORSE, Word.BETTER}
    }
    rest = [key for key in keys if key not in frozen]
    shifts = [moved.get((a.of(key[0])[0].group, key[2])) for key in rest]
    found = decide(
        [_ratio(a, b, key, shift) for key, shift in zip(rest, shifts, strict=True)],
        less_is_better=[METRICS[k[2]] for k in rest],
    )
    return [
        *[_row(a, b, key, r, normalised=False) for key, r in zip(frozen, of_references, strict=True)],
        *[_row(a, b, k, r, normalised=s is not None) for k, r, s in zip(rest, found, shifts, strict=True)],
    ]


def _ratio(a: RunSet, b: RunSet, key: tuple[str, str, str], shift: Ratio | None = None) -> Ratio:
    return ratio(a.values(key[0], key[2]), b.values(key[1], key[2]), shift=shift)


def _row(a: RunSet, b: RunSet, key: tuple[str, str, str], found: Ratio, *, normalised: bool) -> ComparisonRow:
    x, y, metric = key
    left, right = a.values(x, metric), b.values(y, metric)
    reason = found.reason
    if not left or not right:
        why = [start.run.results[metric].reason for start in a.of(x) + b.of(y) if metric in start.run.results]
        reason = next((f"{reason}: {text}" for text in why if text), reason)
    return ComparisonRow(
        setup=x if x == y else f"{x} and {y}",
        role=a.of(x)[0].role,
        metric=metric,
        unit=UNITS[metric],
        a=middle(left),
        b=middle(right),
        n_a=len(left),
        n_b=len(right),
        normalised=normalised,
        ratio=found.ratio,
        lo=found.lo,
        hi=found.hi,
        p=found.p,
        word=found.word,
        reason=reason,
    )


def _platform(rows: Sequence[ComparisonRow]) -> list[str]:
    return [
        f"{row.setup} moved: {row.metric} {row.ratio:.3f}x [{row.lo:.3f}, {row.hi:.3f}]; this is the machine, and is "
        "taken off the others"
        for row in rows
        if row.role == Role.REFERENCE and row.word in {Word.WORSE, Word.BETTER} and row.ratio is not None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRow:
    """A setup among those of its workload: equal ranks are ties."""

    workload: str
    rank: int
    setup: str
    ceiling_rps: float
    n_rounds: int


def ranking(side: RunSet) -> list[RankRow]:
    """The setups of a night, or of a folder of runs, best first by workload. References are left out."""
    rows = []
    watched = [s for s in side.starts if s.role != Role.REFERENCE]
    for group in dict.fromkeys(start.group for start in watched):
        names = list(dict.fromkeys(s.name for s in watched if s.group == group))
        values = {name: side.values(name, "ceiling_rps") for name in names}
        for place, name in rank(names, [values[n] for n in names]):
            value = middle(values[name])
            assert value is not None
            rows.append(RankRow(workload=group, rank=place, setup=name, ceiling_rps=value, n_rounds=len(values[name])))
    return rows


def middle(values: Sequence[Value]) -> float | None:
    """Geometric mean."""
    if not values:
        return None
    return math.exp(sum(math.log(v.value) for v in values) / len(values))
