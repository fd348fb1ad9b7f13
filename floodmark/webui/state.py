"""A ramp as the web UI shows it: the Saturation tab's table, its CSV, and what the live page draws."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from typing import Any

from floodmark.report import search_status as doing
from floodmark.report.cells import significant
from floodmark.report.html import series
from floodmark.report.html.charts import Scales
from floodmark.report.html.series import Row
from floodmark.report.html.vega import LINEAR, LOG, log_ticks
from floodmark.results.metrics import rows as result_rows
from floodmark.results.schema import Second, columns, to_cells
from floodmark.search.order import Order
from floodmark.stats.window import Window
from floodmark.verdict.enums import END_TEXT, Model
from floodmark.verdict.interim import interim
from floodmark.verdict.outcome import Outcome
from floodmark.verdict.saturation import judge
from floodmark.verdict.visit import Visit

TABLE = {
    "name": "Visit",
    "phase": "Phase",
    "load": "Load",
    "goodput": "Good/s",
    "interval": "95 % interval",
    "p50": "p50 (ms)",
    "p95": "p95 (ms)",
    "p99": "p99 (ms)",
    "errors": "Errors",
    "generator": "Generator",
    "note": "Note",
}
"""Columns of the tab; Locust sorts rows by ``name``."""


class Live:
    """Takes down the ramp under way; of earlier ones nothing is kept. A sink.

    name: of what is measured. think_time_s: of its users. run: how many ramps there have been.
    """

    def __init__(self, name: str, think_time_s: float) -> None:
        self.name = name
        self.think_time_s = think_time_s
        self.run = 0
        self._clear()

    def shows(self, name: str, think_time_s: float) -> None:
        """The scenario was changed in the start form."""
        self.name, self.think_time_s = name, think_time_s

    def _clear(self) -> None:
        self.visits: list[Visit] = []
        self.seconds: list[Row] = []
        self._order: Order | None = None
        self._ordered = 0.0
        self._outcome: Outcome | None = None

    def start(self, origin: float) -> None:
        self.run += 1
        self._clear()

    def order(self, order: Order, visit: int) -> None:
        self._order, self._ordered = order, time.monotonic()

    def second(self, second: Second) -> None:
        self.seconds.append({"t": second.t_s, "goodput": second.good, "errors": second.errors, "users": second.users})

    def visit(self, visit: Visit, window: Window) -> None:
        self.visits.append(visit)

    def end(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def table(self) -> list[Row]:
        """Rows of the tab."""
        return [_row(visit) for visit in self.visits]

    def csv(self) -> str:
        """All visits as in steps.csv."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns(Visit))
        writer.writerows(to_cells(visit) for visit in self.visits)
        return text.getvalue()

    def snapshot(self, run: int, visits: int, seconds: int) -> Row:
        """What a page that has ``visits`` and ``seconds`` of ramp ``run`` does not know yet."""
        if run != self.run:
            visits = seconds = 0
        return {
            "run": self.run,
            "visits": len(self.visits),
            "seconds": len(self.seconds),
            "facts": self.facts(),
            "running": self._order is not None and self._outcome is None,
            "charts": self._charts() if len(self.visits) != visits else None,
            "new_seconds": self.seconds[seconds:],
        }

    def facts(self) -> dict[str, str]:
        """The search at work, in words."""
        known = interim(self.visits)
        return {
            "name": self.name,
            "phase": self._phase(),
            "estimate": doing.estimate(known) or "none yet",
            "bracket": doing.bracket(known) or "none yet",
            "r0": f"{known.r0_ms:.2f} ms" if known.r0_ms is not None else "none yet",
            "generator": doing.generator(self.visits[-1]) if self.visits else "no visit yet",
        }

    def _phase(self) -> str:
        if self._outcome is not None:
            text, why = END_TEXT[self._outcome.end], self._outcome.reason
            return f"ended: {text}" + (f" ({why})" if why else "")
        if self._order is None:
            return "no search has been started"
        left = max(0.0, self._order.left_s - (time.monotonic() - self._ordered))
        return f"{doing.DOING[self._order.phase]}: {doing.load(self._order)}, about {doing.left(left)} left"

    def _charts(self) -> Row:
        drawn = series.drawn(self.visits, 1000 * self.think_time_s)
        points, marks = series.points(self.name, drawn), self._marks()
        scales = Scales.around(points, marks)
        return {
            "data": {"points": points, "levels": series.levels(self.name, drawn), "marks": marks, "null": []},
            "axes": {
                "goodput": {"x": _kinds(scales.users), "y": _kinds(scales.goodput)},
                "latency": {"x": _kinds(scales.users), "y": _kinds(scales.latency)},
            },
            "visits": series.visit_spans(self.visits),
        }

    def _marks(self) -> list[Row]:
        """The verdict's once there is one; before that the level under hold."""
        if self._outcome is not None and self._outcome.hold_users is not None:
            end = self._outcome
            verdict = judge(self.visits, end, self.think_time_s)
            return series.marks(self.name, {row.metric: row for row in result_rows("", verdict, self.visits, None)})
        known = interim(self.visits)
        if known.goodput is None or not known.held:
            return []
        interval = known.goodput
        edges = {"lo": interval.lo, "hi": min(interval.hi, 2 * interval.value)}
        text = f"{self.name}: so far {doing.estimate(known)}"
        return [{"server": self.name, "kind": "ceiling", "goodput": interval.value, **edges, "label": text}]


def _kinds(domains: Any) -> Row | None:
    return (
        {LOG: domains[LOG], LINEAR: domains[LINEAR], "ticks": log_ticks(*domains[LOG])} if domains is not None else None
    )


def _row(visit: Visit) -> Row:
    def number(value: float | None) -> str:
        return "" if value is None else significant(value, 4)

    known = visit.goodput_lo is not None and visit.goodput_hi is not None
    open_load = f"{visit.rate_intended_rps or 0.0:.1f}/s"
    return {
        "name": visit.number,
        "phase": str(visit.phase),
        "load": open_load if visit.model is Model.OPEN else f"{visit.users} users",
        "goodput": number(visit.goodput_rps),
        "interval": f"[{number(visit.goodput_lo)}, {number(visit.goodput_hi)}]" if known else "",
        "p50": number(visit.r_p50_ms),
        "p95": number(visit.r_p95_ms),
        "p99": number(visit.r_p99_ms),
        "errors": f"{visit.error_share:.1%}",
        "generator": str(visit.gen_verdict or ""),
        "note": visit.reason if visit.valid else f"left out: {visit.reason or 'not valid'}",
    }


def structure(names: Sequence[str] = tuple(TABLE)) -> list[Row]:
    """The tab's columns, as Locust wants them."""
    return [{"key": name, "title": TABLE[name]} for name in names]
