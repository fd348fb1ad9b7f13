"""Renders the report as a single HTML file without external resources."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from floodmark import __version__
from floodmark.report import markdown
from floodmark.report.cells import WORDS
from floodmark.report.html import assets, over_time
from floodmark.report.html.comparison import compare, subject_id
from floodmark.report.html.server import section
from floodmark.report.runs import Collection, Subject
from floodmark.report.vega_lite import Spec

MOST_PICTURES = 8
"""Reports with more workloads have no static pictures, because each costs a tenth of a megabyte."""

METHOD = {
    "ceiling": "the highest rate of good answers that the server sustains: held in at least three visits, confirmed by "
    "a visit at twice the users or more without a rise. Never the maximum of noisy levels, never the best run.",
    "knee": "requests in flight at which waiting begins: ceiling times R0, the response time without contention.",
    "place": "servers are ordered by their ceilings. Servers that do not differ significantly are tied and share a "
    "range of places. Each interval is that of one run; freshly started servers differ by more.",
    "95 % at": "how many users it takes in practice to reach 95 % of the ceiling.",
    "overload keeps": "goodput at four times the knee, or twice the held level if that is more, as a share of the "
    "ceiling.",
    "generator": "the state of the load generator: a number that it limited is void.",
    "left out": "visits that were not steady, not accounted for, or limited by the generator. They are not used.",
}


def render(collection: Collection, title: str = "report") -> str:
    """The whole page."""
    drawn = len(collection.workloads) <= MOST_PICTURES
    compared = [compare(number, load, drawn=drawn) for number, load in enumerate(collection.workloads)]
    servers = [
        section(subject_id(number, subject), load, subject)
        for number, load in enumerate(collection.workloads)
        for subject in load.subjects
    ]
    data = {
        "workloads": {comparison.id: comparison.document for comparison in compared},
        "servers": {server.id: server.document for server in servers},
        "templates": {
            "places": _empty(over_time.places()),
            "cores": _empty(over_time.cores()),
            "histogram": _empty(over_time.histogram()),
        },
    }
    return assets.environment().get_template("report.html.j2").render(
        title=title,
        summary=_summary(collection),
        troubles=_troubles(collection),
        workloads=compared,
        servers=servers,
        words=WORDS,
        method=METHOD.items(),
        provenance=markdown.measured_with([subject.run for subject in collection.subjects]),
        version=__version__,
        libraries=assets.versions(),
        licences=assets.licences(),
        css=Markup(assets.template("page.css")),
        scripts=[Markup(text) for text in (*assets.library(), assets.template("charts.js"))],
        data=Markup(assets.script_json(data)),
    ) + "\n"  # fmt: skip


def _empty(spec: Spec) -> Spec:
    return {key: value for key, value in spec.items() if key != "datasets"}


def _summary(collection: Collection) -> str:
    servers, loads = len({subject.name for subject in collection.subjects}), len(collection.workloads)
    runs = sum(1 + len(subject.earlier) for subject in collection.subjects)
    days = sorted({subject.record.started[:10] for subject in collection.subjects})
    return (
        f"{servers} server{'s' if servers != 1 else ''}, {loads} workload{'s' if loads != 1 else ''}, "
        f"{runs} run{'s' if runs != 1 else ''}; measured {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "")
    )


def _troubles(collection: Collection) -> Sequence[str]:
    """What a reader must know before looking at the numbers."""
    troubles = [_trouble(load.name, subject) for load in collection.workloads for subject in load.subjects]
    return [text for text in troubles if text] + [f"left out: {reason}" for reason in collection.left_out]


def _trouble(workload: str, subject: Subject) -> str:
    name = f"{subject.name} ({workload})"
    status = subject.record.status
    row = subject.run.results.get("ceiling_rps") or subject.run.results.get("goodput_rps")
    if not subject.run.visits:
        return f"{name}: {status}; no visit was completed, so there is nothing to judge"
    if not any(visit.valid for visit in subject.run.visits):
        return f"{name}: every visit was left out; see the reasons below"
    if row is None or not row.valid:
        reason = (row.reason if row is not None else "") or "there is no verdict"
        return f"{name}: {'' if status == 'complete' else status + '; '}{reason}"
    return "" if status == "complete" else f"{name}: {status}"
