"""Charts as static SVG, for readers without JavaScript: where the extra ``report`` is installed."""

from __future__ import annotations

import re

from floodmark.report.html.palette import on_white
from floodmark.report.vega_lite import Spec

# A coordinate finer than anybody sees; it stands within a tag, not in its text.
_FINE = re.compile(r"(?<=[ \"(,A-Za-z-])\d+\.\d{2,}(?=[^<>]*>)")
_ROLE = re.compile(r' aria-roledescription="[^"]*"')
_CLIP = re.compile(r"(?<=[\"#])clip\d+(?=[\")])")
_VARIABLE = re.compile(r"var\(--([a-z0-9]+)\)")

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Each has the metrics of the next, so that a picture looks the same wherever its text is drawn."""


def standalone(spec: Spec, name: str) -> str | None:
    """The chart as an SVG file of its own, on white: the page's light colours stand where its variables stood."""
    drawn = svg({**spec, "background": "white", "config": {**spec["config"], "font": FONT}}, name)
    if drawn is None:
        return None
    return _VARIABLE.sub(lambda variable: on_white()[variable[1]], drawn) + "\n"


def svg(spec: Spec, name: str) -> str | None:
    """The chart as SVG, or None where what draws it is not installed. ``name`` begins every id in it."""
    try:
        import vl_convert
    except ImportError:
        return None
    drawn = _ROLE.sub("", vl_convert.vegalite_to_svg(spec))
    numbers = {clip: f"{name}-{number}" for number, clip in enumerate(dict.fromkeys(_CLIP.findall(drawn)))}
    drawn = _CLIP.sub(lambda clip: numbers[clip[0]], drawn)
    return _FINE.sub(lambda number: f"{float(number[0]):.1f}", drawn)
