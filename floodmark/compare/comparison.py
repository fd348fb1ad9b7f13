"""Compares two sets of runs metric by metric, and ranks the setups of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from floodmark.compare.enums import Role
from floodmark.compare.inputs import RunSet, by_turns, notes, typical_host_sd, unlike
from floodmark.errors import UsageError
from floodmark.verdict.difference import NORMAL, Ratio, Value, Word, decide, rank, ratio

METRICS = {"ceiling_rps": False, "r0_ms": True, "slo_rate_rps": False}
"""The metrics that are compared, and whether less is better."""
UNITS = {"ceiling_rps": "requests/s", "r0_ms": "ms", "slo_rate_rps": "requests/s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """B over A for one metric of one setup."""

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
    """Whether the ratio is corrected for a change of the reference."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The comparison of A and B."""

    a: str
    b: str
    unlike: tuple[str, ...]
    """Differences that forbid a comparison; not empty only if it was forced."""
    notes: tuple[str, ...]
    """Other differences, which may be the subject of the comparison."""
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    platform: tuple[str, ...]
    """Changes of the reference, as sentences."""
    rows: tuple[ComparisonRow, ...]

    @property
    def worse(self) -> list[ComparisonRow]:
        return [row for row in self.rows if row.word is Word.WORSE and row.role != Role.REFERENCE]


def compare(a: RunSet, b: RunSet, *, force: bool = False, meant: bool = False) -> Comparison:
    """Compare the setups that both sides have. Raises UsageError if they differ too much, unless ``force`` is set.

    meant: their differences are the subject of the comparison, so they forbid nothing.
    """
    pairs = [(name, name) for name in a.names if name in b.names]
    if not pairs and len(a.names) == len(b.names) == 1:
        pairs = [(a.names[0], b.names[0])]
    if not pairs:
        raise UsageError(f"nothing to compare: {a.path} has {', '.join(a.names)}; {b.path} has {', '.join(b.names)}")
    objections = list(
        dict.fromkeys(d for x, y in pairs for d in _named(x, y, unlike(a.of(x)[0], b.of(y)[0]), len(pairs)))
    )
    if objections and not force and not meant:
        raise UsageError(
            "A and B are unlike:\n  "
            + "\n  ".join(objections)
            + "\ncompare runs that agree in these, or pass --force and keep the differences in mind"
        )
    rows = _rows(a, b, pairs)
    return Comparison(
        a=str(a.path),
        b=str(b.path),
        unlike=() if meant else tuple(objections),
        notes=tuple(
            dict.fromkeys(
                [*(objections if meant else []), *(d for x, y in pairs for d in notes(a.of(x)[0], b.of(y)[0]))]
            )
        ),
        only_a=tuple(name for name in a.names if name not in {x for x, _ in pairs}),
        only_b=tuple(name for name in b.names if name not in {y for _, y in pairs}),
        platform=tuple(_platform(rows)),
        rows=tuple(rows),
    )


def _named(x: str, y: str, differences: Sequence[str], n_pairs: int) -> list[str]:
    """The differences of a pair, with the name of its setup if there are several pairs."""
    return [f"{x}: {d}" if n_pairs > 1 and x == y else d for d in differences]


def _rows(a: RunSet, b: RunSet, pairs: Sequence[tuple[str, str]]) -> list[ComparisonRow]:
    keys = [
        (x, y, metric)
        for x, y in pairs
        for metric in METRICS
        if any(metric in start.run.results for start in a.of(x) + b.of(y))
    ]
    references = [key for key in keys if a.of(key[0])[0].role == Role.REFERENCE]
    of_references = decide(
        [_ratio(a, b, key) for key in references], less_is_better=[METRICS[k[2]] for k in references]
    )
    moved = {
        (a.of(key[0])[0].group, key[2]): r
        for key, r in zip(references, of_references, strict=True)
        if r.word in {Word.WORSE, Word.BETTER}
    }
    others = [key for key in keys if key not in references]
    known = {(a.of(key[0])[0].group, key[2]): r for key, r in zip(references, of_references, strict=True)}
    hosts = [_host_sd(a, b, key, known.get((a.of(key[0])[0].group, key[2]))) for key in others]
    shifts = [moved.get((a.of(key[0])[0].group, key[2])) for key in others]
    of_others = decide(
        [_ratio(a, b, key, shift, host_sd) for key, shift, host_sd in zip(others, shifts, hosts, strict=True)],
        less_is_better=[METRICS[k[2]] for k in others],
    )
    return [
        *[_row(a, b, key, r, normalised=False) for key, r in zip(references, of_references, strict=True)],
        *[_row(a, b, k, r, normalised=s is not None) for k, r, s in zip(others, of_others, shifts, strict=True)],
    ]


def _ratio(a: RunSet, b: RunSet, key: tuple[str, str, str], shift: Ratio | None = None, host_sd: float = 0.0) -> Ratio:
    left, right = a.values(key[0], key[2]), b.values(key[1], key[2])
    turns = {start.turn for start in a.of(key[0])} & {start.turn for start in b.of(key[1])} - {None}
    return ratio(left, right, paired=bool(turns), shift=shift, host_sd=host_sd)


def _host_sd(a: RunSet, b: RunSet, key: tuple[str, str, str], reference: Ratio | None) -> float:
    """What the machine may have changed by itself between A and B, as a relative standard deviation.

    0 if they were measured by turns. With a reference, the machine's change is known as precisely as that one's.
    """
    x, y = a.of(key[0]), b.of(key[1])
    if by_turns(x, y):
        return 0.0
    host_sd = math.hypot(typical_host_sd(x), typical_host_sd(y))
    if reference is None or not reference.ratio or not reference.hi:
        return host_sd
    return min(host_sd, math.log(reference.hi / reference.ratio) / NORMAL)


def _row(a: RunSet, b: RunSet, key: tuple[str, str, str], estimate: Ratio, *, normalised: bool) -> ComparisonRow:
    x, y, metric = key
    left, right = a.values(x, metric), b.values(y, metric)
    reason = estimate.reason
    if not left or not right:
        reasons = [start.run.results[metric].reason for start in a.of(x) + b.of(y) if metric in start.run.results]
        reason = next((f"{reason}: {text}" for text in reasons if text), reason)
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
        ratio=estimate.ratio,
        lo=estimate.lo,
        hi=estimate.hi,
        p=estimate.p,
        word=estimate.word,
        reason=reason,
    )


def _platform(rows: Sequence[ComparisonRow]) -> list[str]:
    return [
        f"{row.setup} moved: {row.metric} {row.ratio:.3f}x [{row.lo:.3f}, {row.hi:.3f}]; the machine changed, so the "
        "other ratios are corrected for it"
        for row in rows
        if row.role == Role.REFERENCE and row.word in {Word.WORSE, Word.BETTER} and row.ratio is not None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRow:
    """The rank of a setup within its workload. Equal ranks are ties."""

    workload: str
    rank: int
    setup: str
    ceiling_rps: float
    n_rounds: int


def ranking(side: RunSet) -> list[RankRow]:
    """The setups of a night or a folder of runs by workload, best first, without references."""
    rows = []
    watched = [start for start in side.starts if start.role != Role.REFERENCE]
    for group in dict.fromkeys(start.group for start in watched):
        names = list(dict.fromkeys(start.name for start in watched if start.group == group))
        values = {name: side.values(name, "ceiling_rps") for name in names}
        for place, name in rank(names, [values[n] for n in names]):
            value = middle(values[name])
            assert value is not None
            rows.append(RankRow(workload=group, rank=place, setup=name, ceiling_rps=value, n_rounds=len(values[name])))
    return rows


def middle(values: Sequence[Value]) -> float | None:
    """The geometric mean; None without values."""
    if not values:
        return None
    return math.exp(sum(math.log(v.value) for v in values) / len(values))
