"""The trend of all nights as a self-contained HTML page, with a line per setup and metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from floodmark.compare.enums import Finding
from floodmark.nightly.files import NightRow
from floodmark.nightly.summary import twins
from floodmark.report.html.palette import on_white

WIDTH, HEIGHT, PAD = 900, 150, 8
SHOWN = 365
"""The most nights that are drawn; nights.csv has them all."""
LINE = on_white()["s0"]
COLOURS = {
    Finding.REGRESSION: on_white()["s1"],
    Finding.ALARM: on_white()["p1"],
    Finding.IMPROVEMENT: on_white()["s2"],
    Finding.PLATFORM: on_white()["s3"],
}
_STYLE = (
    "body{font:15px/1.5 Liberation Sans,Arial,Helvetica,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#333;background:#fff}svg{width:100%;height:auto;display:block}h2{font-size:1rem;margin:1.5rem 0 0}"
    "p{margin:.3rem 0}.k{font-size:.85rem;color:#555}"
)


def page(history: Sequence[NightRow]) -> str:
    """The page. ``history`` holds the rows of all nights, oldest first."""
    nights = list(dict.fromkeys(row.night for row in history))[-SHOWN:]
    series: dict[tuple[str, str], list[NightRow]] = {}
    for row in history:
        if row.night in set(nights):
            series.setdefault((row.setup, row.metric), []).append(row)
    parts = [_section(rows, nights) for _, rows in sorted(series.items())]
    key = " ".join(f'<span style="color:{colour}">&#9679; {word}</span>' for word, colour in COLOURS.items())
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>floodmark nights</title><style>{_STYLE}</style>\n<h1>Nights</h1>\n"
        f"<p><b>{escape(twins(history))}</b></p>"
        f'<p class="k">{len(nights)} nights, {escape(nights[0]) if nights else "none"} to '
        f"{escape(nights[-1]) if nights else 'none'}. {key} A gap is a night without a verdict.</p>\n"
        + "\n".join(parts)
        + "\n</html>\n"
    )


def _section(rows: Sequence[NightRow], nights: Sequence[str]) -> str:
    last = rows[-1]
    now = "no value" if last.value is None else f"{last.value:.4g} {last.unit}"
    return f"<h2>{escape(last.setup)}: {escape(last.metric)}, {escape(now)}</h2>\n{_drawing(rows, nights)}"


def _drawing(rows: Sequence[NightRow], nights: Sequence[str]) -> str:
    values = [v for row in rows for v in (row.value, row.lo, row.hi) if v is not None]
    points_of_line = [row.value for row in rows if row.value is not None]
    if not points_of_line:
        return "<p>No valid night.</p>"
    # A wide interval of one night must not flatten the line.
    low, high = max(min(values), 0.7 * min(points_of_line)), min(max(values), 1.3 * max(points_of_line))
    span = math.log(high / low) or 0.02
    places = {night: i for i, night in enumerate(nights)}

    def x(row: NightRow) -> float:
        return PAD + (WIDTH - 2 * PAD) * (places[row.night] + 0.5) / len(nights)

    def y(value: float) -> float:
        share = (math.log(min(max(value, low), high) / low)) / span
        return HEIGHT - PAD - (HEIGHT - 2 * PAD) * share

    lines, points = [], []
    stretch: list[str] = []
    before = -1
    for row in rows:
        judged = row.value is not None and row.finding is not Finding.NO_VERDICT
        if not judged or places[row.night] != before + 1:
            lines.append(stretch)
            stretch = []
        before = places[row.night]
        if not judged or row.value is None:
            continue
        stretch.append(f"{x(row):.1f},{y(row.value):.1f}")
        colour = COLOURS.get(row.finding, LINE)
        bar = ""
        if row.lo is not None and row.hi is not None:
            bar = (
                f'<line x1="{x(row):.1f}" x2="{x(row):.1f}" y1="{y(row.lo):.1f}" y2="{y(row.hi):.1f}" '
                f'stroke="{colour}" stroke-opacity=".35"/>'
            )
        title = f"{row.night}: {row.value:.4g} {row.unit}, {row.finding}" + (f", {row.reason}" if row.reason else "")
        points.append(
            f'{bar}<circle cx="{x(row):.1f}" cy="{y(row.value):.1f}" r="{4 if row.finding in COLOURS else 2.5}" '
            f'fill="{colour}"><title>{escape(title)}</title></circle>'
        )
    lines.append(stretch)
    drawn = "".join(f'<polyline points="{" ".join(line)}" fill="none" stroke="{LINE}"/>' for line in lines if line)
    label = escape(f"{rows[-1].setup} {rows[-1].metric} over {len(nights)} nights", quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"><rect width="{WIDTH}" height="{HEIGHT}" '
        f'fill="#fafafa"/>{drawn}{"".join(points)}</svg>\n<p class="k">{low:.4g} to {high:.4g}, logarithmic</p>'
    )
