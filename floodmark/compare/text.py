"""Shows comparisons and rankings on the terminal and as Markdown."""

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


def show(console: Console, comparison: Comparison) -> None:
    """Print a comparison."""
    for line in _warnings(comparison):
        console.print(f"[yellow]![/yellow] {escape(line)}", highlight=False, soft_wrap=True)
    rendered = table(*HEAD)
    for row in comparison.rows:
        cells = [escape(cell) for cell in _cells(row)]
        style = _STYLE[row.word]
        if style:
            cells[-1] = f"[{style}]{cells[-1]}[/{style}]"
        rendered.add_row(*cells)
    console.print(rendered)
    for line in _remarks(comparison):
        console.print(escape(line), highlight=False, soft_wrap=True)


def markdown(comparison: Comparison) -> str:
    """A comparison as a Markdown table."""
    lines = [f"**{line}**\n" for line in _warnings(comparison)]
    lines += [f"| {' | '.join(HEAD)} |", "|---|---|---:|---:|---:|---|---:|---|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in comparison.rows]
    return "\n".join([*lines, "", *_remarks(comparison)])


def show_ranking(console: Console, rows: Sequence[RankRow]) -> None:
    """Print a ranking."""
    rendered = table(*RANK_HEAD)
    for row in rows:
        rendered.add_row(*_rank_cells(row))
    console.print(rendered)
    console.print("Setups of equal rank do not differ from the first of that rank (paired by rounds).", highlight=False)


def ranking_markdown(rows: Sequence[RankRow]) -> str:
    """A ranking as a Markdown table."""
    lines = [f"| {' | '.join(RANK_HEAD)} |", "|---|---:|---|---:|---:|"]
    return "\n".join([*lines, *(f"| {' | '.join(_rank_cells(row))} |" for row in rows)])


def _rank_cells(row: RankRow) -> list[str]:
    return [row.workload, str(row.rank), row.setup, f"{row.ceiling_rps:.1f}/s", str(row.n_rounds)]


def _warnings(comparison: Comparison) -> list[str]:
    lines = []
    if comparison.unlike:
        lines.append(
            "forced: A and B are unlike, so a difference may not come from the server: " + "; ".join(comparison.unlike)
        )
    return [*lines, *comparison.platform]


def _remarks(comparison: Comparison) -> list[str]:
    lines = [f"A: {comparison.a}", f"B: {comparison.b}"]
    if comparison.notes:
        more = f"; and {len(comparison.notes) - LISTED} more" if len(comparison.notes) > LISTED else ""
        lines.append("also different: " + "; ".join(comparison.notes[:LISTED]) + more)
    for names, side in ((comparison.only_a, "A"), (comparison.only_b, "B")):
        if names:
            lines.append(f"only in {side}: {', '.join(names)}")
    if any(row.normalised for row in comparison.rows):
        lines.append("* corrected for the change of the reference")
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
