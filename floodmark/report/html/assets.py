"""The files that every page is made of, and the library that draws its charts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from floodmark.report.cells import significant
from floodmark.verdict.enums import Model
from floodmark.verdict.visit import Visit

HERE = Path(__file__).resolve().parent
TEMPLATES, VENDOR = HERE / "templates", HERE / "vendor"
LIBRARY = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
"""In the order in which they need each other."""

_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


@cache
def library() -> tuple[str, ...]:
    """The charting library's scripts, without pointers to files that are not there."""
    return tuple(_SOURCE_MAP.sub("", (VENDOR / name).read_text(encoding="utf-8")).strip() for name in LIBRARY)


@cache
def template(name: str) -> str:
    """A file of ours."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def versions() -> Mapping[str, Mapping[str, Any]]:
    """Version, licence and hashes of the library's packages."""
    found: dict[str, dict[str, str]] = json.loads((VENDOR / "versions.json").read_text(encoding="utf-8"))
    return found


@cache
def licences() -> tuple[str, ...]:
    """Their licences' texts."""
    return tuple((VENDOR / f"{name}.LICENSE").read_text(encoding="utf-8").strip() for name in versions())


def script_json(data: Any) -> str:
    """JSON that may stand within a script element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def environment() -> jinja2.Environment:
    """Templates, with everything escaped that is not ours."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["number"] = _number
    made.filters["load"] = _load
    return made


def _number(value: float | None) -> str:
    return "" if value is None else significant(value, 4)


def _load(visit: Visit) -> str:
    """What was asked of the target: users, or arrivals."""
    return f"{visit.rate_intended_rps or 0.0:.1f}/s" if visit.model is Model.OPEN else str(visit.users)
