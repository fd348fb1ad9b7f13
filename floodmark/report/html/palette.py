"""The colours of all charts and pages, which page.css defines for light mode, dark mode and print."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PAGE = Path(__file__).resolve().parent / "templates" / "page.css"
_COLOUR = re.compile(r"--([a-z0-9]+): (#[0-9a-f]{6});")


@cache
def on_white() -> Mapping[str, str]:
    """The colours of light mode by the names of their CSS variables."""
    return dict(_COLOUR.findall(PAGE.read_text(encoding="utf-8").partition("}")[0]))
