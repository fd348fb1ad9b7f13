"""The report: one HTML file that asks nobody for anything."""

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
"""Workloads drawn as static pictures too; each costs a tenth of a megabyte."""

METHOD = {
    "ceiling": "the highest rate of good answers that the server sustains: held in at least three visits, confirmed by "
    "a visit at twice the users or more that gave no more. Never a maximum of noisy levels, never the best run.",
    "knee": "requests in flight at which waiting begins: ceiling times R0, the response time without contention.",
    "place": "servers are ordered by their ceilings. Where the interval of a difference holds 0, both are tied and "
    "share a range of places. An interval is of one run: servers started anew differ by more.",
    "95 % at": "how many users it really takes to reach 95 % of the ceiling.",
    "overload keeps": "goodput at four times the knee, or twice the held level if that is more, over the ceiling.",
    "generator": "the load generator's own health: a number that it limited is void.",
    "left out": "visits that were not steady, not accounted for or limited by the generator. They count for nothing.",
}


def render(found: Collection, title: str = "report") -> str:
    """The whole page."""
    drawn = len(found.workloads) <= MOST_PICTURES
    compared = [compare(number, load, drawn=drawn) for number, load in enumerate(found.workloads)]
    servers = [
        section(subject_id(number, one), load, one)
        for number, load in enumerate(found.workloads)
        for one in load.subjects
    ]
    data = {
        "workloads": {one.id: one.document for one in compared},
        "servers": {one.id: one.document for one in servers},
        "templates": {
            "places": _empty(over_time.places()),
            "cores": _empty(over_time.cores()),
            "histogram": _empty(over_time.histogram()),
        },
    }
    return assets.environment().get_template("report.html.j2").render(
        title=title,
        summary=_summary(found),
        troubles=_troubles(found),
        workloads=compared,
        servers=servers,
        words=WORDS,
        method=METHOD.items(),
        provenance=markdown.measured_with([one.run for one in found.subjects]),
        version=__version__,
        libraries=assets.versions(),
        licences=assets.licences(),
        css=Markup(assets.template("page.css")),
        scripts=[Markup(text) for text in (*assets.library(), assets.template("charts.js"))],
        data=Markup(assets.script_json(data)),
    ) + "\n"  # fmt: skip


def _empty(spec: Spec) -> Spec:
    return {key: value for key, value in spec.items() if key != "datasets"}


def _summary(found: Collection) -> str:
    servers, loads = len({one.name for one in found.subjects}), len(found.workloads)
    runs = sum(1 + len(one.earlier) for one in found.subjects)
    days = sorted({one.record.started[:10] for one in found.subjects})
    return (
        f"{servers} server{'s' if servers != 1 else ''}, {loads} workload{'s' if loads != 1 else ''}, "
        f"{runs} run{'s' if runs != 1 else ''}; measured {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "")
    )


def _troubles(found: Collection) -> Sequence[str]:
    """What a reader must know before any number."""
    said = [_trouble(load.name, one) for load in found.workloads for one in load.subjects]
    return [text for text in said if text] + [f"left out: {reason}" for reason in found.left_out]


def _trouble(workload: str, one: Subject) -> str:
    name = f"{one.name} ({workload})"
    status = one.record.status
    row = one.run.results.get("ceiling_rps") or one.run.results.get("goodput_rps")
    if not one.run.visits:
        return f"{name}: {status}; no visit was finished, so there is nothing to judge"
    if not any(visit.valid for visit in one.run.visits):
        return f"{name}: every visit was left out; see the reasons below"
    if row is None or not row.valid:
        why = (row.reason if row is not None else "") or "no verdict was made"
        return f"{name}: {'' if status == 'complete' else status + '; '}{why}"
    return "" if status == "complete" else f"{name}: {status}"
