"""A comparison for people: on the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from floodmark.compare.comparison import Comparison, ComparisonRow, RankRow
from floodmark.compare.enums import Role
from floodmark.report.tables import table
from floodmark.verdict.difference import Word

HEAD = ("setup", "metric", "A", "B", "B / A", "95 % interval", "starts", "verdict")
RANK_HEAD = ("workload", "rank", "setup", "ceiling", "rounds")
_STYLE = {Word.WORSE: "red", Word.BETTER: "green", Word.TIE: "", Word.CANNOT_TELL: "yellow"}
LISTED = 6


def show(console: Console, found: Comparison) -> None:
    """Print it."""
    for line in _warnings(found):
        console.print(f"[yellow]![/yellow] {escape(line)}", highlight=False, soft_wrap=True)
    shown = table(*HEAD)
    for row in found.rows:
        cells = [escape(cell) for cell in _cells(row)]
        style = _STYLE[row.word]
        if style:
            cells[-1] = f"[{style}]{cells[-1]}[/{style}]"
        shown.add_row(*cells)
    console.print(shown)
    for line in _remarks(found):
        console.print(escape(line), highlight=False, soft_wrap=True)


def markdown(found: Comparison) -> str:
    """The same as a Markdown table."""
    lines = [f"**{line}**\n" for line in _warnings(found)]
    lines += [f"| {' | '.join(HEAD)} |", "|---|---|---:|---:|---:|---|---:|---|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in found.rows]
    return "\n".join([*lines, "", *_remarks(found)])


def show_ranking(console: Console, rows: Sequence[RankRow]) -> None:
    """Print a ranking."""
    shown = table(*RANK_HEAD)
    for row in rows:
        shown.add_row(*_rank_cells(row))
    console.print(shown)
    console.print("Equal ranks cannot be told from the first of their rank, by pairs of rounds.", highlight=False)


def ranking_markdown(rows: Sequence[RankRow]) -> str:
    """A ranking as a Markdown table."""
    lines = [f"| {' | '.join(RANK_HEAD)} |", "|---|---:|---|---:|---:|"]
    return "\n".join([*lines, *(f"| {' | '.join(_rank_cells(row))} |" for row in rows)])


def _rank_cells(row: RankRow) -> list[str]:
    return [row.workload, str(row.rank), row.setup, f"{row.ceiling_rps:.1f}/s", str(row.n_rounds)]


def _warnings(found: Comparison) -> list[str]:
    lines = []
    if found.unlike:
        lines.append(
            "forced: A and B are unlike, so a difference may be none of the server's: " + "; ".join(found.unlike)
        )
    return [*lines, *found.platform]


def _remarks(found: Comparison) -> list[str]:
    lines = [f"A: {found.a}", f"B: {found.b}"]
    if found.notes:
        more = f"; and {len(found.notes) - LISTED} more" if len(found.notes) > LISTED else ""
        lines.append("also different: " + "; ".join(found.notes[:LISTED]) + more)
    for names, side in ((found.only_a, "A"), (found.only_b, "B")):
        if names:
            lines.append(f"only in {side}: {', '.join(names)}")
    if any(row.normalised for row in found.rows):
        lines.append("* what the reference did in between is taken off")
    return lines


def _cells(row: ComparisonRow) -> list[str]:
    name = row.setup + (" (reference)" if row.role == Role.REFERENCE else "")
    word = f"{row.word}: {row.reason}" if row.reason else str(row.word)
    mark = "*" if row.normalised else ""
    return [
        name,
        row.metric,
        _number(row.a),
        _number(row.b),
        "-" if row.ratio is None else f"{row.ratio:.3f}{mark}",
        "-" if row.lo is None or row.hi is None else f"[{row.lo:.3f}, {row.hi:.3f}]",
        f"{row.n_a} / {row.n_b}",
        word,
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
