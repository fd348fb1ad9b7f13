"""The part of the page that is of one server alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.errors import UsageError
from floodmark.report.cells import settings
from floodmark.report.html import series
from floodmark.report.html.series import CORES, PLACES, Row
from floodmark.report.runs import Subject, Workload
from floodmark.results.document import plain
from floodmark.results.outcome import judged_outcome
from floodmark.results.schema import HISTOGRAMS, TIMELINE, BucketCount, Result, RowType, Second
from floodmark.results.table import read_table
from floodmark.verdict.enums import BOTTLENECK_TEXT, END_TEXT
from floodmark.verdict.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Everything the template says of one server; ``document`` is what the page's script is given."""

    id: str
    title: str
    places: bool
    cores: bool
    histogram: bool
    visits: Sequence[Visit]
    facts: list[tuple[str, str]]
    document: Mapping[str, object]


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
    record, run = subject.record, subject.run
    target, host, revision, outcome = record.target, record.host, record.floodmark, judged_outcome(run)
    end = END_TEXT[outcome.end] if record.search is not None else "killed before it could say"
    commit = f" at {revision.git_sha[:12]}" if revision.git_sha else ""
    named = {
        "run": record.run_id,
        "status": record.status,
        "search": end + (f" ({outcome.reason})" if outcome.reason else ""),
        "error": record.error or "",
        "started": record.started,
        "stopped by": _limit(run.get("bottleneck")),
        "advice": run.get("advice").reason if "advice" in run.results else "",
        "server": f"{target.server} {target.version or ''}".strip(),
        "settings": settings(record),
        "declared": _json(target.declared),
        "read back": _json(target.effective),
        "load": _json(record.scenario.load),
        "search settings": _json(record.scenario.search),
        "backend": record.backend,
        "CPUs": _json(record.cores),
        "host": f"{host.cpu_model}, {host.cpus} CPUs, Linux {host.kernel}",
        "generator": _json(record.generator) if record.generator.client else "",
        "software": f"floodmark {revision.version}{commit}{', with changes' if revision.dirty else ''}, "
        f"Python {record.python}, Locust {record.packages.get('locust')}",
        "configuration hash": record.config_hash,
        "app hash": record.app_hash,
        "seed": record.seed,
    }
    return [(name, str(value)) for name, value in named.items() if value not in {None, ""}]


def _limit(row: Result) -> str:
    if row.value is None:
        return ""
    known = {str(word): text for word, text in BOTTLENECK_TEXT.items()}
    return ": ".join(text for text in (known.get(str(row.value), str(row.value)), row.reason) if text)


def _json(value: object) -> str:
    """Nested facts as they stand in run.json, without its punctuation."""
    table = plain(value)
    if not table:
        return ""
    text = json.dumps(table, ensure_ascii=False)
    return text.strip("{}").replace('"', "")
