"""`make docs`: the README's verdict table, docs/verdicts.svg, the claims of docs/servers.md, from docs/runs, and the
pictures of docs/bottlenecks.md, from the visits of its fixtures.

--check writes nothing and fails when they are out of date; --add takes runs into docs/runs first.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from docs import answers, claims, limits
from floodmark.concurrency.row import CONCURRENCY
from floodmark.errors import FloodmarkError, UsageError
from floodmark.report import markdown
from floodmark.report.html import charts, series
from floodmark.report.html.pictures import standalone
from floodmark.report.html.series import Row
from floodmark.report.vega_lite import Spec
from floodmark.results.record import PROVENANCE, read_record
from floodmark.results.run import Run, read_run
from floodmark.results.schema import HISTOGRAMS, RESULTS, STEPS, TIMELINE
from floodmark.results.table import write_text

ROOT = Path(__file__).resolve().parent.parent
RUNS, README, PICTURE = Path("docs/runs"), Path("README.md"), Path("docs/verdicts.svg")
LIMITS, LIMIT_PICTURES = Path("docs/bottlenecks.md"), Path("docs/bottlenecks")
SERVERS, BURSTS = Path("docs/servers.md"), Path("docs/concurrency")
KEPT = (PROVENANCE, RESULTS, STEPS)
DETAILS = (TIMELINE, HISTOGRAMS)
COLUMNS = 4

# An absolute path; not the path of a URL, and not a rate such as requests/s.
_PATH = re.compile(r"(?<![\w./:])/(?:[^\s/:;,\"']+/)+([^\s/:;,\"']*)")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="fail when README or picture are out of date")
    what.add_argument("--add", nargs="+", type=Path, default=[], metavar="RUN_DIR", help="take these runs in first")
    parser.add_argument(
        "--details", action="store_true", help="with --add: timelines and histograms too, for the gallery"
    )
    options = parser.parse_args(argv)
    try:
        if options.check:
            return check(ROOT)
        add(ROOT, options.add, details=options.details)
        for path, text in documents(ROOT).items():
            (ROOT / path).parent.mkdir(exist_ok=True)
            write_text(ROOT / path, text)
    except FloodmarkError as error:
        print(f"docs: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def add(root: Path, folders: Sequence[Path], *, details: bool = False) -> None:
    """Copy what is kept of each run into docs/runs, without the machine's paths. Raises UsageError."""
    for folder in folders:
        target = root / RUNS / read_record(folder).run_id
        texts = {}
        for name in (*KEPT, *DETAILS) if details else KEPT:
            try:
                texts[name] = (folder / name).read_text(encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{folder}: no {name} ({error.strerror})") from error
        target.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(target / name, without_paths(text))


def check(root: Path) -> int:
    """0 when everything is as it would be written; else 1, and which files are not."""
    stale = [path for path, text in documents(root).items() if _text(root / path) != text]
    for path in stale:
        print(f"{path} is out of date with {RUNS}; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


def documents(root: Path) -> dict[Path, str]:
    """Every file that is written, with its text. Raises UsageError."""
    runs = newest(root / RUNS)
    text = f"{markdown.verdict_table(runs)}\n\n{markdown.provenance(runs)}\n"
    pages = {
        README: _between(_text(root / README), README, "verdicts", f"\n{text}\n"),
        PICTURE: picture(curves(runs), PICTURE.stem),
    }
    if (root / BURSTS / CONCURRENCY).is_file():
        for name, part in (
            ("verdict", answers.verdict(runs)),
            ("at-once", answers.at_once(root / BURSTS)),
            ("claims", answers.claims(root / BURSTS)),
        ):
            pages[README] = _between(pages[README], README, name, f"\n{part}\n\n")
        pages[SERVERS] = _between(_text(root / SERVERS), SERVERS, "claims", claims.section(root / BURSTS))
    if (root / LIMITS).is_file():
        pages[LIMITS] = _between(_text(root / LIMITS), LIMITS, limits.PLACE, limits.section())
        pages.update({LIMIT_PICTURES / f"{name}.svg": picture(spec, name) for name, spec in limits.pictures().items()})
    return pages


def curves(runs: Sequence[Run]) -> Spec:
    """Goodput against users, a panel for each run."""
    names = [run.record.scenario.name for run in runs]
    data: dict[str, list[Row]] = {"points": [], "levels": [], "marks": []}
    for name, run in zip(names, runs, strict=True):
        for kind, rows in series.against_users(name, run).items():
            data[kind] += rows
    scales = charts.Scales.around(data["points"], data["marks"])
    return charts.panels(names, scales, data, [_ceiling(run) for run in runs], COLUMNS)


def _ceiling(run: Run) -> str:
    ceiling = run.get("ceiling_rps")
    return "no ceiling" if ceiling.value is None and ceiling.lo is None else f"{markdown.interval(ceiling, 4)} /s"


def picture(spec: Spec, name: str) -> str:
    """Raises UsageError where nothing is installed that draws."""
    drawn = standalone(spec, name)
    if drawn is None:
        raise UsageError("pictures need vl-convert-python; make dev installs it")
    return drawn


def newest(folder: Path) -> list[Run]:
    """The newest run of each scenario, fewest slots first. Raises UsageError where there is none."""
    latest: dict[str, Run] = {}
    for path in sorted(path.parent for path in folder.glob(f"*/{PROVENANCE}")):
        run = read_run(path)
        name = run.record.scenario.name
        if name not in latest or latest[name].record.started <= run.record.started:
            latest[name] = run
    if not latest:
        raise UsageError(f"no run in {folder}; add some with docs/build.py --add RUN_DIR...")
    return sorted(latest.values(), key=_slots_first)


def without_paths(text: str) -> str:
    """Absolute paths cut down to their last part."""
    return _PATH.sub(r"\1", text)


def _slots_first(run: Run) -> tuple[float, str]:
    slots = run.record.target.nominal_slots
    return (float("inf") if slots is None else slots, run.record.scenario.name)


def _between(page: str, path: Path, name: str, text: str) -> str:
    """The page with ``text`` between ``<!-- name...-->`` and ``<!-- /name -->``. Raises UsageError."""
    begin = re.search(rf"<!-- {name}\b.*-->\n", page)
    end = page.find(f"<!-- /{name} -->", begin.end()) if begin else -1
    if begin is None or end < 0:
        raise UsageError(f"{path}: no place for the {name}; it must have <!-- {name} --> and <!-- /{name} -->")
    return f"{page[: begin.end()]}{text}{page[end:]}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main())
