"""What the limit is made of, in words."""

from __future__ import annotations

from collections.abc import Mapping

from floodmark.report.marks import BAD, GOOD, WARN
from floodmark.results.schema import Result
from floodmark.verdict.enums import BOTTLENECK_TEXT, Advice, Bottleneck


def limit_lines(results: Mapping[str, Result]) -> list[tuple[str, str, str]]:
    """Lines of the summary: mark, name, text. None for runs older than this verdict."""
    word, margin = results.get("bottleneck"), results.get("bottleneck_margin")
    if word is None or word.value is None:
        return []
    named = Bottleneck(str(word.value))
    if named is Bottleneck.UNKNOWN:
        # All figures stand at its end, for who reads the file.
        return [(WARN, "limit", f"unknown: {word.reason.rpartition('; ')[0] or word.reason}")]
    clear = f" (margin {margin.value:.0%})" if margin is not None and isinstance(margin.value, float) else ""
    lines = [(GOOD, "limit", f"{BOTTLENECK_TEXT[named]}{clear}: {word.reason}")]
    tried = results.get("advice")
    if tried is not None and tried.value is not None:
        lines.append(_tried(Advice(str(tried.value)), tried.reason))
    return lines


def _tried(word: Advice, note: str) -> tuple[str, str, str]:
    match word:
        case Advice.CONFIRMED:
            return GOOD, "advice", f"confirmed: {note}"
        case Advice.NOT_CONFIRMED:
            return BAD, "advice", f"not confirmed: {note}"
        case Advice.NOT_TRIED:
            return WARN, "advice", note
