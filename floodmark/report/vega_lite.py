"""What all Vega-Lite charts have in common: schema, shapes, ticks and configuration."""

from __future__ import annotations

import math
from typing import Any

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
COLOURS = 8


def shape(number: int) -> str:
    """The shape of a curve's points. The first 64 curves all differ in colour or shape."""
    return SHAPES[(number + number // COLOURS) % len(SHAPES)]


def ticks(low: float, high: float, *, short: float) -> list[float]:
    """The ticks of a logarithmic axis: powers of ten, and 2 and 5 times these if ``high / low`` is below ``short``."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if high / low < short else (1,)
    return [tick for power in powers for digit in digits if low <= (tick := digit * 10.0**power) <= high]


def config(font: str, ink: str, grid: str) -> Spec:
    """A configuration with axes in the colour of the text and no frame around the plot."""
    return {
        "font": font,
        "axis": {
            "domainColor": ink,
            "gridColor": grid,
            "labelColor": ink,
            "tickColor": ink,
            "tickSize": 4,
            "titleColor": ink,
            "titleFontWeight": "normal",
        },
        "view": {"stroke": None},
    }
