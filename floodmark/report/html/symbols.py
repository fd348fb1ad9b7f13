"""The symbol next to the name of a server, with the shape and colour of its points."""

from __future__ import annotations

from dataclasses import dataclass

from floodmark.report.html.vega import colour
from floodmark.report.vega_lite import shape

_PATHS = {
    "circle": "M6,0A6,6 0 1 1 -6,0A6,6 0 1 1 6,0Z",
    "square": "M-5.5,-5.5h11v11h-11Z",
    "triangle-up": "M0,-6L6.5,5.5H-6.5Z",
    "diamond": "M0,-7L6,0L0,7L-6,0Z",
    "cross": "M-2.2,-6.5h4.4v4.3h4.3v4.4h-4.3v4.3h-4.4v-4.3h-4.3v-4.4h4.3Z",
    "triangle-down": "M0,6L6.5,-5.5H-6.5Z",
    "triangle-right": "M6,0L-5.5,6.5V-6.5Z",
    "triangle-left": "M-6,0L5.5,6.5V-6.5Z",
}


@dataclass(frozen=True, slots=True)
class Symbol:
    name: str
    path: str
    colour: str


def symbol(name: str, number: int) -> Symbol:
    return Symbol(name, _PATHS[shape(number)], colour(number))
