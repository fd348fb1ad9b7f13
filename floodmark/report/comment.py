"""The report as Markdown, fit for a comment on a pull request: verdicts first, what was left out folded away."""

from __future__ import annotations

from floodmark.report import cells
from floodmark.report.cells import Cell, significant
from floodmark.report.markdown import escape, provenance, rows
from floodmark.report.runs import Collection, Subject, Workload

MOST = 60_000
"""Characters that such a comment may have; beyond, visits left out are only counted."""


def render(found: Collection) -> str:
    """Markdown text, with a line's end at its end."""
    parts = [part for load in found.workloads for part in _workload(load, full=True)]
    if sum(map(len, parts)) > MOST:
        parts = [part for load in found.workloads for part in _workload(load, full=False)]
    parts += [f"Left out: {escape(reason)}" for reason in found.left_out]
    parts.append(provenance([one.run for one in found.subjects]))
    return "\n\n".join(parts) + "\n"


def _workload(load: Workload, *, full: bool) -> list[str]:
    shown = cells.columns(one.run for one in load.subjects)
    table = [
        [_place(one), _name(one), *(cell(one.run) for cell in shown.values())]
        for one in load.subjects
    ]  # fmt: skip
    parts = [f"### Workload {escape(load.name)}", rows(["place", "name", *shown], table)]
    if any(one.place and one.place.tied for one in load.subjects):
        parts.append("Servers that share a range of places are tied: their intervals do not tell them apart.")
    left_out = [(one, visit) for one in load.subjects for visit in one.run.visits if not visit.valid]
    if left_out and full:
        lines = [
            f"- {escape(one.name)}, visit {visit.number} ({visit.phase}), {visit.users} users, "
            f"{significant(visit.goodput_rps, 4)} good/s: {escape(visit.reason or 'not valid')}"
            for one, visit in left_out
        ]
        said = f"<details><summary>{cells.count(len(left_out), 'visit', 'visits')} left out</summary>"
        parts.append("\n".join([said, "", *lines, "", "</details>"]))
    elif left_out:
        parts.append(f"{cells.count(len(left_out), 'visit', 'visits')} left out.")
    return parts


def _place(one: Subject) -> Cell:
    return Cell((str(one.place) if one.place else cells.UNKNOWN, *(["tied"] if one.place and one.place.tied else [])))


def _name(one: Subject) -> Cell:
    status = one.record.status
    return Cell((one.name, *([] if status == "complete" else [status])))
