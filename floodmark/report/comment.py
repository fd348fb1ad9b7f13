"""The report as Markdown for a comment on a pull request: verdicts first, with omitted visits folded away."""

from __future__ import annotations

from floodmark.report import cells
from floodmark.report.cells import Cell, significant
from floodmark.report.markdown import escape, provenance, rows
from floodmark.report.runs import Collection, Subject, Workload

MOST = 60_000
"""The most characters of a comment; in longer ones, visits left out are only counted."""


def render(collection: Collection) -> str:
    """The report as Markdown, ending with a newline."""
    parts = [part for load in collection.workloads for part in _workload(load, full=True)]
    if sum(map(len, parts)) > MOST:
        parts = [part for load in collection.workloads for part in _workload(load, full=False)]
    parts += [f"Left out: {escape(reason)}" for reason in collection.left_out]
    parts.append(provenance([subject.run for subject in collection.subjects]))
    return "\n\n".join(parts) + "\n"


def _workload(load: Workload, *, full: bool) -> list[str]:
    columns = cells.columns(subject.run for subject in load.subjects)
    table = [
        [_place(subject), _name(subject), *(cell(subject.run) for cell in columns.values())]
        for subject in load.subjects
    ]  # fmt: skip
    parts = [f"### Workload {escape(load.name)}", rows(["place", "name", *columns], table)]
    if any(subject.place and subject.place.tied for subject in load.subjects):
        parts.append("Servers that share a range of places are tied: their intervals do not tell them apart.")
    left_out = [(subject, visit) for subject in load.subjects for visit in subject.run.visits if not visit.valid]
    if left_out and full:
        lines = [
            f"- {escape(subject.name)}, visit {visit.number} ({visit.phase}), {visit.users} users, "
            f"{significant(visit.goodput_rps, 4)} good/s: {escape(visit.reason or 'not valid')}"
            for subject, visit in left_out
        ]
        summary = f"<details><summary>{cells.count(len(left_out), 'visit', 'visits')} left out</summary>"
        parts.append("\n".join([summary, "", *lines, "", "</details>"]))
    elif left_out:
        parts.append(f"{cells.count(len(left_out), 'visit', 'visits')} left out.")
    return parts


def _place(subject: Subject) -> Cell:
    return Cell(
        (
            str(subject.place) if subject.place else cells.UNKNOWN,
            *(["tied"] if subject.place and subject.place.tied else []),
        )
    )


def _name(subject: Subject) -> Cell:
    status = subject.record.status
    return Cell((subject.name, *([] if status == "complete" else [status])))
