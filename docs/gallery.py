"""`make docs`: docs/gallery.md and its pictures, from the runs in docs/runs. --check fails when they are out of date.

The pictures are those of `floodmark report`; the runs that keep a timeline and histograms have some of their own
(docs/build.py --add RUN_DIR --details).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from docs import build
from floodmark.errors import FloodmarkError
from floodmark.report import cells
from floodmark.report.html import charts, comparison, over_time, series
from floodmark.report.html.charts import Scales
from floodmark.report.html.series import CORES, PLACES, Row
from floodmark.report.html.server import rows_over_time
from floodmark.report.markdown import escape, provenance, rows
from floodmark.report.runs import Subject, Workload, collect
from floodmark.report.vega_lite import Spec
from floodmark.results.table import write_text

ROOT = Path(__file__).resolve().parent.parent
RUNS, PAGE, PICTURES = Path("docs/runs"), Path("docs/gallery.md"), Path("docs/gallery")


LEAD = (
    f"Every picture and number comes from the runs in [{RUNS}](runs), by `make docs`. `floodmark report` puts\n"
    "the same charts into one HTML file where servers can be hidden, axes changed and every point asked."
)
CURVES = (
    "A point is a visit of that many users, hollow where it was left out; a level line is a ceiling in its interval,\n"
    "dashed where it is only a lower bound; a dotted one is the knee."
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when page or pictures are out of date")
    options = parser.parse_args(argv)
    try:
        found = documents(ROOT)
        if options.check:
            return check(ROOT, found)
        (ROOT / PICTURES).mkdir(exist_ok=True)
        for path in set((ROOT / PICTURES).iterdir()) - {ROOT / path for path in found}:
            path.unlink()
        for path, text in found.items():
            write_text(ROOT / path, text)
    except FloodmarkError as error:
        print(f"gallery: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def check(root: Path, found: dict[Path, str]) -> int:
    """0 when everything is as it would be written; else 1, and which files are not."""
    stale = [path for path, text in found.items() if not _is(root / path, text)]
    for path in stale:
        print(f"{path} is out of date with {RUNS}; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


def documents(root: Path) -> dict[Path, str]:
    """The page and every picture on it. Raises UsageError."""
    found = collect([root / RUNS])
    pictures: dict[Path, str] = {}
    parts = ["# Gallery", LEAD]
    for load in found.workloads:
        parts += [f"## Workload {escape(load.name)}", _places(load)]
        drawn = [*_compared(load), *(picture for one in load.subjects for picture in _alone(load, one))]
        for name, title, text, spec in drawn:
            path = PICTURES / f"{name}.svg"
            pictures[path] = build.picture(spec, name)
            parts += [f"### {escape(title)}", f"![{escape(title)}]({PICTURES.name}/{name}.svg)", text]
    parts.append(provenance([one.run for one in found.subjects]))
    return {PAGE: "\n\n".join(parts) + "\n", **pictures}


def _places(load: Workload) -> str:
    """Who is where, and who is tied."""
    names = ["place", "name", "server", "ceiling, good/s", "knee, in flight"]
    shown = [cells.COLUMNS[name] for name in names[2:]]
    table = [
        [
            cells.Cell((str(one.place or cells.UNKNOWN),)),
            cells.Cell((one.name,)),
            *(cell(one.run) for cell in shown),
        ]
        for one in load.subjects
    ]
    return (
        rows(names, table)
        + "\n\nServers that share a range of places are tied: their intervals do not tell them apart."
    )


def _compared(load: Workload) -> Iterator[tuple[str, str, str, Spec]]:
    data = comparison.rows_of(load)
    scales = Scales.around(data["points"], data["marks"], next((row["goodput"] for row in data["null"]), None))
    names = [one.name for one in load.subjects]
    legend = {"legend": {"title": None, "symbolOpacity": 1}}
    yield (
        f"{load.name}-goodput",
        "Good answers per second against users",
        CURVES,
        _with_legend(charts.goodput(names, scales, data), legend),
    )
    yield (
        f"{load.name}-latency",
        "Latency against users, p95",
        "Only of visits with answers enough for that quantile.",
        _with_legend(charts.latency(names, scales, data), legend),
    )


def _with_legend(spec: Spec, legend: Row) -> Spec:
    """A page has its legend beside the chart, a picture within it."""
    for layer in spec["layer"]:
        encoding = layer["encoding"]
        for channel in {"color", "stroke", "fill", "shape"} & set(encoding):
            encoding[channel] = {key: value for key, value in encoding[channel].items() if key != "legend"} | legend
    return spec


def _alone(load: Workload, one: Subject) -> Iterator[tuple[str, str, str, Spec]]:
    found = rows_over_time(one)
    name = f"{load.name}-{'-'.join(''.join(c if c.isalnum() else ' ' for c in one.name).split())}"
    for kind, spec, known, title, text in (
        ("places", over_time.places(), series.known(found["seconds"], PLACES), "where its requests were, over time",
         "Grey stretches are the visits; between them users settle."),
        ("cores", over_time.cores(), series.known(found["seconds"], CORES), "CPU over time", "In cores."),
        ("latencies", over_time.histogram(), bool(found["latencies"]), "latency of good answers, visit by visit",
         "The darker, the more of the visit's answers."),
    ):  # fmt: skip
        if known:
            yield f"{name}-{kind}", f"{one.name}: {title}", text, {**spec, "datasets": found}


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
