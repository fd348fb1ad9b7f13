"""Charts as static SVG, for readers without JavaScript: where the extra ``report`` is installed."""

from __future__ import annotations

import re

from floodmark.report.html.charts import Spec

# A coordinate finer than anybody sees; it stands within a tag, not in its text.
_FINE = re.compile(r"\d+\.\d{3,}(?=[^<>]*>)")


def svg(spec: Spec) -> str | None:
    """The chart as SVG, or None where what draws it is not installed."""
    try:
        import vl_convert
    except ImportError:
        return None
    return _FINE.sub(lambda number: f"{float(number[0]):.2f}", vl_convert.vegalite_to_svg(spec))
