"""The end of a log file, for error messages."""

from __future__ import annotations

from pathlib import Path

LINES = 15


def tail(path: Path | None, lines: int = LINES) -> str:
    """The last lines of a log; empty where there is none."""
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
