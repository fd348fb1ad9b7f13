"""What our own search must keep to, over all its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.strategies.scenario import BY_NAME
from benchmarks.strategies.score import Score

OURS = "S8"
RUNS = 100
COLLAPSE_WRONG_OVERALL = 0.02
STRICT = {"rmse": 2.5, "off_5": 0.05, "bias": 2.0, "knee_rmse": 3.0}
TOLERANT = {"rmse": 4.0, "off_5": 0.15, "bias": 2.0, "knee_rmse": 5.0}
"""Where service varies much, or goodput collapses."""
ALIKE = {"knee_off_25": 0.0, "collapse_wrong": 0.04, "no_answer": 0.1}


def missed(rows: Sequence[Score]) -> list[str]:
    """Which bars are missed, in words; empty where all are kept."""
    ours = {row.scenario: row for row in rows if row.strategy == OURS}
    absent = [f"{name}: not measured" for name in BY_NAME if name not in ours]
    return [*absent, *(miss for row in ours.values() for miss in _missed(row)), *_overall(list(ours.values()))]


def _missed(row: Score) -> Iterator[str]:
    if row.runs < RUNS:
        yield f"{row.scenario}: {row.runs} runs, to be {RUNS}"
    bars = TOLERANT if BY_NAME[row.scenario].tolerant else STRICT
    for name, most in {**bars, **ALIKE}.items():
        found: float | None = getattr(row, name)
        if found is None or abs(found) > most:
            yield f"{row.scenario}: {name} is {found}, to be at most {most:g}"


def _overall(rows: Sequence[Score]) -> Iterator[str]:
    wrong = [row.collapse_wrong for row in rows if row.collapse_wrong is not None]
    if wrong and sum(wrong) / len(wrong) > COLLAPSE_WRONG_OVERALL:
        yield f"all: collapse_wrong is {sum(wrong) / len(wrong):.3f}, to be at most {COLLAPSE_WRONG_OVERALL}"
