"""How far findings are from the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.strategies.finding import Finding
from benchmarks.strategies.scenario import Scenario

OFF, KNEE_OFF = 0.05, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A strategy on a scenario. Errors are relative to the truth, in per cent; shares are of the runs that give the
    figure, between 0 and 1; None where none does. no_answer: share of all runs without a ceiling.
    """

    scenario: str
    strategy: str
    runs: int
    no_answer: float
    seconds_mean: float
    seconds_max: float
    bias: float | None
    rmse: float | None
    p95: float | None
    off_5: float | None
    knee_rmse: float | None
    knee_off_25: float | None
    knee_worst: float | None
    collapse_wrong: float | None
    covered: float | None


def score(strategy: str, scenario: Scenario, findings: Sequence[Finding]) -> Score:
    """Score all runs of one strategy on one scenario."""
    answers = [f for f in findings if f.ceiling_rps is not None]
    errors = [f.ceiling_rps / scenario.ceiling_rps - 1 for f in answers if f.ceiling_rps is not None]
    knees = [f.knee_users / scenario.knee_users - 1 for f in answers if f.knee_users is not None]
    bounds = [(f.lo, f.hi) for f in answers if f.lo is not None and f.hi is not None]
    seconds = [f.seconds for f in findings]
    sizes = [abs(error) for error in errors]
    return Score(
        scenario=scenario.name,
        strategy=strategy,
        runs=len(findings),
        no_answer=round(1 - len(answers) / len(findings), 4),
        seconds_mean=round(sum(seconds) / len(seconds), 1),
        seconds_max=round(max(seconds), 1),
        bias=_percent(sum(errors) / len(errors) if errors else None),
        rmse=_percent(_root_mean_square(errors)),
        p95=_percent(float(np.quantile(sizes, 0.95)) if sizes else None),
        off_5=_share(size > OFF for size in sizes),
        knee_rmse=_percent(_root_mean_square(knees)),
        knee_off_25=_share(abs(error) > KNEE_OFF for error in knees),
        knee_worst=_percent(max(map(abs, knees), default=None)),
        collapse_wrong=_share(f.collapses != scenario.collapses for f in answers if f.collapses is not None),
        covered=_share(low <= scenario.ceiling_rps <= high for low, high in bounds),
    )


def _root_mean_square(errors: Sequence[float]) -> float | None:
    return math.sqrt(sum(e * e for e in errors) / len(errors)) if errors else None


def _share(seen: Iterable[bool]) -> float | None:
    values = list(seen)
    return round(sum(values) / len(values), 4) if values else None


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)
