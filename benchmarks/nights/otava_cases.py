"""Writes tests/unit/otava.json: series with the change points that Apache Otava finds in them.

It runs with Otava's interpreter, not ours, because Otava pins NumPy and SciPy:
``uv run --no-project --with apache-otava==0.8.0 benchmarks/nights/otava_cases.py``
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parents[2] / "tests" / "unit" / "otava.json"
SERIES = 60
SHIFTS = (0.9, 0.95, 0.97, 1.04, 1.1)
STRICT, LOOSE = (1e-4, 0.03), (1e-3, 0.0)


def main() -> None:
    analysis: Any = importlib.import_module("otava.analysis")
    random = np.random.default_rng(7)
    cases = []
    for number in range(SERIES):
        length, sd = int(random.integers(8, 120)), float(random.choice([0.005, 0.015, 0.03]))
        values = 100 * (1 + sd * random.standard_normal(length))
        for _ in range(int(random.integers(0, 3))):
            values[int(random.integers(2, length - 1)) :] *= float(random.choice(SHIFTS))
        series = [round(float(value), 2) for value in values]
        max_p, least = LOOSE if number % 3 == 0 else STRICT
        # A list: given an array, Otava 0.8.0 does not cut its windows out.
        points, _ = analysis.compute_change_points(list(series), max_pvalue=max_p, min_magnitude=least)
        found = [[int(p.index), float(p.stats.mean_1), float(p.stats.mean_2), float(p.stats.pvalue)] for p in points]
        cases.append({"values": series, "max_p": max_p, "least": least, "points": found})
    FILE.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
