"""The verdicts of several runs as a Markdown table, and what they were measured with as a line below it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from floodmark.report.cells import WORDS, Cell, Verdict, by_run, columns, parts
from floodmark.results.folder import StoredRun
from floodmark.results.schema import Result

BREAK = "<br>"
_INTERVAL = re.compile(r"\[[\d.,]+, [\d.,]+\]")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def verdict_table(runs: Sequence[StoredRun], results: Iterable[Result]) -> str:
    """One row for each run, in the order given. ``results``: all rows of their results.csv."""
    found = by_run(results)
    verdicts = [Verdict(run, found.get(run.run_id, {})) for run in runs]
    shown = columns(verdicts)
    return rows(list(shown), [[cell(verdict) for cell in shown.values()] for verdict in verdicts])


def rows(names: Sequence[str], cells: Iterable[Sequence[Cell]]) -> str:
    """A Markdown table."""
    rule = ["---" if name in WORDS else "---:" for name in names]
    texts = [[_text(cell) for cell in row] for row in cells]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(names), rule, *texts])


def _text(cell: Cell) -> str:
    first, *others = (line if _INTERVAL.fullmatch(line) else escape(line) for line in cell.lines)
    return BREAK.join([f"**{first}**" if cell.strong else first, *others])


def provenance(runs: Sequence[StoredRun]) -> str:
    """When and with what the runs were measured; where they differ, every value."""
    text = escape(measured_with(runs))
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def measured_with(runs: Sequence[StoredRun]) -> str:
    """The same as one plain line."""
    facts = [run.facts for run in runs]
    days = sorted({str(f["started"])[:10] for f in facts})
    words = [
        f"Measured {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else ""),
        f"workload {_all(f['scenario']['workload'] for f in facts)}",
        f"{_all(f['host']['cpu_model'] for f in facts)}, {_all(f['host']['cpus'] for f in facts)} CPUs",
        _all(_cores(f["cores"]) for f in facts),
        f"backend {_all(f['backend'] for f in facts)}",
        f"Linux {_all(f['host']['kernel'] for f in facts)}",
        f"Python {_all(f['python'] for f in facts)}",
        f"Locust {_all(f['packages']['locust'] for f in facts)}",
        f"floodmark {_all(_floodmark(f['floodmark']) for f in facts)}",
    ]
    return "; ".join(words) + "."


def escape(text: str) -> str:
    """Text that Markdown shows as it is, also within a table's cell."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def interval(row: Result, digits: int, between: str = " ") -> str:
    """A confirmed value with its interval, both as fine; else the bound that it has."""
    return between.join(parts(row, digits))


def _all(values: Iterable[object]) -> str:
    """Every different value once, in the order met."""
    return " and ".join(dict.fromkeys(str(value) for value in values))


def _cores(cores: Mapping[str, Any]) -> str:
    if cores["shared_cores"]:
        return "target and generator on the same CPUs"
    target, generator = (",".join(map(str, cores[side])) for side in ("target", "generator"))
    return f"target on CPU {target}, generator on CPU {generator}"


def _floodmark(software: Mapping[str, Any]) -> str:
    """The version and its commit."""
    commit = software.get("git_sha")
    at = f" ({commit[:7]}{', with changes' if software.get('dirty') else ''})" if commit else ""
    return f"{software['version']}{at}"
