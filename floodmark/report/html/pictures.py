"""Charts as static SVG for readers without JavaScript. Needs the extra ``report``."""

from __future__ import annotations

import re

from floodmark.report.html.palette import on_white
from floodmark.report.vega_lite import Spec

# A coordinate with needless digits, inside a tag.
_FINE = re.compile(r"(?<=[ \"(,A-Za-z-])\d+\.\d{2,}(?=[^<>]*>)")
_ROLE = re.compile(r' aria-roledescription="[^"]*"')
_CLIP = re.compile(r"(?<=[\"#])clip\d+(?=[\")])")
_VARIABLE = re.compile(r"var\(--([a-z0-9]+)\)")

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Fonts with equal metrics, so that a picture looks the same everywhere."""


def standalone(spec: Spec, name: str) -> str | None:
    """The chart as an SVG file on white, with the page's CSS variables replaced by its light colours."""
    drawn = svg({**spec, "background": "white", "config": {**spec["config"], "font": FONT}}, name)
    if drawn is None:
        return None
    return _VARIABLE.sub(lambda variable: on_white()[variable[1]], drawn) + "\n"


def svg(spec: Spec, name: str) -> str | None:
    """The chart as SVG; None if vl-convert is not installed. All ids in it begin with ``name``."""
    try:
        import vl_convert
    except ImportError:
        return None
    drawn = _ROLE.sub("", vl_convert.vegalite_to_svg(spec))
    numbers = {clip: f"{name}-{number}" for number, clip in enumerate(dict.fromkeys(_CLIP.findall(drawn)))}
    drawn = _CLIP.sub(lambda clip: numbers[clip[0]], drawn)
    return _FINE.sub(lambda number: f"{float(number[0]):.1f}", drawn)
