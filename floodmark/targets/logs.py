"""The end of a log file, for error messages."""

from __future__ import annotations

import re
from pathlib import Path

LINES = 15
_LOOK_BACK = 400
_RAISED = re.compile(r"\s*[A-Za-z_][\w.]*(Error|Exception|Exit|Halt\w*)\b.*")


def tail(path: Path | None, lines: int = LINES) -> str:
    """The last lines of a log, preceded by earlier exceptions, because servers often bury those of the app."""
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    recent = text.rstrip().splitlines()[-_LOOK_BACK:]
    end = recent[-lines:]
    raised = [line for line in dict.fromkeys(recent[:-lines]) if _RAISED.fullmatch(line) and line not in end]
    return "\n".join([*raised, "..." if raised else "", *end]).lstrip("\n")
