"""The colours of every chart and page. page.css says them, once for white, once for black and once for paper."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PAGE = Path(__file__).resolve().parent / "templates" / "page.css"
_COLOUR = re.compile(r"--([a-z0-9]+): (#[0-9a-f]{6});")


@cache
def on_white() -> Mapping[str, str]:
    """Those of a light page, by the name of their variable."""
    return dict(_COLOUR.findall(PAGE.read_text(encoding="utf-8").partition("}")[0]))
