"""The table of docs/method.md, from the rows of strategies.csv."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.page import DOCS, renew
from benchmarks.record import facts_of
from benchmarks.strategies.scenario import HELD_OUT, SCENARIOS, Scenario
from benchmarks.strategies.score import Score
from floodmark.results.table import read_table

PAGE = DOCS / "method.md"
TITLES = {
    "S0": "S0 oracle: told the level, one hold of 60 s",
    "S1": "S1 linear, 20 x 30 s, maximum, Kneedle",
    "S2": "S2 ramp of 300 s, 10 s moving maximum",
    "S4": "S4 doubling and bisection, 10 s trials",
    "S5": "S5 linear, three 5 s windows within 10 %",
    "S8": "**S8 floodmark**",
}


def document(results: Path, *, check: bool) -> bool:
    """Bring the page in line with the rows; returns whether it was. check: leave the page as it is."""
    return renew(PAGE, "strategies", text(results), check=check)


def text(results: Path) -> str:
    """Markdown between the markers."""
    rows = read_table(results / "strategies.csv", Score)
    parts = []
    for scenarios, what in ((SCENARIOS, "the search was tuned on"), (HELD_OUT, "the search was not tuned on")):
        group = [row for row in rows if row.scenario in {scenario.name for scenario in scenarios}]
        if group:
            parts += [f"Scenarios {what}: {_about(scenarios)}.", "\n".join(table(group))]
    parts += [
        "S8 by scenario:",
        "\n".join(by_scenario([row for row in rows if row.strategy == "S8"])),
        _provenance(facts_of(results / "strategies.csv")),
    ]
    return "\n" + "\n\n".join(parts) + "\n\n"


def _provenance(facts: Mapping[str, Any]) -> str:
    return (
        f"Errors in % of the truth, which is that of the undisturbed server; {facts['runs']} runs each with "
        f"{facts['noise']} noise, seeds from {facts['seed']}. Simulated {str(facts['time'])[:10]} on {facts['cpu']} "
        f"with floodmark {facts['commit']}, Python {facts['python']}."
    )


def table(rows: Sequence[Score]) -> list[str]:
    """One line per strategy, over all scenarios of ``rows``."""
    lines = [
        (
            "| strategy | time, s: mean (max) | no answer | ceiling bias | RMSE | worst p95 | off > 5 % | knee RMSE "
            "| knee off > 25 % | collapse wrong | interval covers |"
        ),
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for strategy, title in TITLES.items():
        mine = [row for row in rows if row.strategy == strategy]
        if mine:
            cells = [
                f"{_mean(r.seconds_mean for r in mine):.0f} ({max(r.seconds_max for r in mine):.0f})",
                _share(r.no_answer for r in mine),
                _range(r.bias for r in mine),
                _number(_quadratic(r.rmse for r in mine)),
                _number(max((r.p95 for r in mine if r.p95 is not None), default=None)),
                _share(r.off_5 for r in mine),
                _number(_quadratic(r.knee_rmse for r in mine)),
                _share(r.knee_off_25 for r in mine),
                _share(r.collapse_wrong for r in mine),
                _share(r.covered for r in mine),
            ]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def by_scenario(rows: Sequence[Score]) -> list[str]:
    """One line per scenario."""
    lines = [
        (
            "| scenario | time, s: mean (max) | no answer | ceiling bias | RMSE | p95 | off > 5 % | knee RMSE "
            "| worst knee | collapse wrong | interval covers |"
        ),
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for r in rows:
        cells = [
            f"{r.seconds_mean:.0f} ({r.seconds_max:.0f})",
            _share([r.no_answer]),
            _range([r.bias]),
            *(_number(value) for value in (r.rmse, r.p95)),
            _share([r.off_5]),
            *(_number(value) for value in (r.knee_rmse, r.knee_worst)),
            _share([r.collapse_wrong]),
            _share([r.covered]),
        ]
        lines.append(f"| {r.scenario} | {' | '.join(cells)} |")
    return lines


def _about(scenarios: Iterable[Scenario]) -> str:
    return "; ".join(f"{scenario.name} {scenario.about}" for scenario in scenarios)


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


def _quadratic(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.sqrt(sum(value * value for value in known) / len(known)) if known else None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _share(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{100 * sum(known) / len(known):.1f} %" if known else "-"


def _range(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, high = f"{min(known):+.1f}", f"{max(known):+.1f}"
    return low if low == high else f"{low} to {high}"
