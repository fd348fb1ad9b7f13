"""The part of the page that is of one server alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from floodmark.errors import UsageError
from floodmark.report.cells import settings
from floodmark.report.html import series
from floodmark.report.html.series import CORES, PLACES, Row
from floodmark.report.runs import Subject, Workload
from floodmark.results.schema import HISTOGRAMS, TIMELINE, BucketCount, Result, RowType, Second
from floodmark.results.table import read_table
from floodmark.verdict.enums import BOTTLENECK_TEXT, END_TEXT, End
from floodmark.verdict.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Everything the template says of one server; ``document`` is what the page's script is given."""

    id: str
    title: str
    places: bool
    cores: bool
    histogram: bool
    visits: list[Visit]
    facts: list[tuple[str, str]]
    document: dict[str, Any]


def section(id_: str, workload: Workload, subject: Subject) -> Section:
    """Read the rest of a run's files; what is missing is not drawn."""
    run = subject.run
    rows = rows_over_time(subject)
    return Section(
        id=id_,
        title=f"{workload.name}: {subject.name}",
        places=series.known(rows["seconds"], PLACES),
        cores=series.known(rows["seconds"], CORES),
        histogram=bool(rows["latencies"]),
        visits=run.visits,
        facts=facts(subject),
        document={name: series.columns(found) for name, found in rows.items()},
    )


def rows_over_time(subject: Subject) -> dict[str, list[Row]]:
    """What the charts of one server draw."""
    visits = subject.run.visits
    return {
        "seconds": series.seconds(_table(subject, TIMELINE, Second)),
        "visits": series.visit_spans(visits),
        "latencies": series.latencies(_table(subject, HISTOGRAMS, BucketCount), visits),
    }


def _table(subject: Subject, name: str, kind: type[RowType]) -> list[RowType]:
    path = subject.run.path / name
    if not path.is_file():
        return []
    try:
        return read_table(path, kind)
    except UsageError:
        return []


def facts(subject: Subject) -> list[tuple[str, str]]:
    """Where the run comes from."""
    found = subject.facts
    target, host, software = found["target"], found["host"], found["floodmark"]
    search = found.get("search") or {}
    end = END_TEXT[End(search["end"])] if search.get("end") else "killed before it could say"
    commit = f" at {software['git_sha'][:12]}" if software.get("git_sha") else ""
    named = {
        "run": found["run_id"],
        "status": found["status"],
        "search": end + (f" ({search['reason']})" if search.get("reason") else ""),
        "error": found.get("error", ""),
        "started": found["started"],
        "stopped by": _limit(subject.verdict.get("bottleneck")),
        "advice": subject.verdict.get("advice").reason if "advice" in subject.verdict.metrics else "",
        "server": f"{target['server']} {target['version'] or ''}".strip(),
        "settings": settings(found),
        "declared": _json(target.get("declared")),
        "read back": _json(target.get("effective")),
        "load": _json(found["scenario"].get("load")),
        "search settings": _json(found["scenario"].get("search")),
        "backend": found["backend"],
        "CPUs": _json(found["cores"]),
        "host": f"{host['cpu_model']}, {host['cpus']} CPUs, Linux {host['kernel']}",
        "generator": _json(found.get("generator")),
        "software": f"floodmark {software['version']}{commit}{', with changes' if software.get('dirty') else ''}, "
        f"Python {found['python']}, Locust {found['packages']['locust']}",
        "configuration hash": found.get("config_hash", ""),
        "app hash": found.get("app_hash", ""),
        "seed": found.get("seed", ""),
    }
    return [(name, str(value)) for name, value in named.items() if value not in {None, ""}]


def _limit(row: Result) -> str:
    if row.value is None:
        return ""
    known = {str(word): text for word, text in BOTTLENECK_TEXT.items()}
    return ": ".join(text for text in (known.get(str(row.value), str(row.value)), row.reason) if text)


def _json(value: object) -> str:
    """Nested facts as they stand in run.json, without its punctuation."""
    if not value:
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text.strip("{}").replace('"', "")
