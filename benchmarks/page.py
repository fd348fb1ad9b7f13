"""Generated parts of documentation pages: what stands between ``<!-- name -->`` and ``<!-- /name -->``."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def renew(page: Path, name: str, text: str, *, check: bool = False) -> bool:
    """Bring one part of a page in line with ``text``; returns whether it was. check: leave the page as it is.

    Raises SystemExit where the page has no such part.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before = page.read_text(encoding="utf-8")
    head, opened, rest = before.partition(begin)
    _, closed, tail = rest.partition(end)
    if not opened or not closed:
        raise SystemExit(f"{page} has no markers {begin.strip()} and {end}")
    renewed = f"{head}{begin}{text}{end}{tail}"
    if renewed != before and not check:
        page.write_text(renewed, encoding="utf-8")
    return renewed == before
