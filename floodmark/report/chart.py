"""Goodput against users as a Vega-Lite chart: every visit with its interval, and the verdict on top."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from floodmark.report.cells import significant
from floodmark.report.markdown import interval
from floodmark.report.vega_lite import SCHEMA, Spec, config, shape, ticks
from floodmark.results.run import Run
from floodmark.results.schema import Result
from floodmark.verdict.enums import Model, Phase
from floodmark.verdict.visit import Visit

# Okabe and Ito's palette, with yellow (too pale on white) replaced by Tol's wine.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#000000")
INK, FAINT, GRID = "#333333", "#CCCCCC", "#EEEEEE"
# Fonts with equal metrics, so that the picture looks the same everywhere.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A run as it is drawn."""

    name: str
    """Unique within the chart."""
    visits: tuple[Visit, ...]
    ceiling: Result | None = None
    """``ceiling`` and ``knee`` are None if the run has no row for them."""
    knee: Result | None = None

    @property
    def line(self) -> list[tuple[int, float]]:
        """Median goodput of the valid visits to each level, without recovery."""
        levels: dict[int, list[float]] = {}
        for visit in self.visits:
            if visit.valid and visit.phase is not Phase.RECOVERY:
                levels.setdefault(visit.users, []).append(visit.goodput_rps)
        return [(users, statistics.median(levels[users])) for users in sorted(levels)]


def curve(run: Run, results: Iterable[Result], name: str | None = None) -> Curve:
    """The curve of a run, named by ``name`` or its scenario.

    It leaves out the warm-up and, if the run has think time, visits without it, because their users differ.
    """
    by_metric = {row.metric: row for row in results if row.run_id == run.run_id}
    left_out = {Phase.WARM}
    if run.record.scenario.load.think_time_ms:
        left_out |= {Phase.BASE, Phase.BRACKET}
    return Curve(
        name=name or run.record.scenario.name,
        visits=tuple(visit for visit in run.visits if visit.phase not in left_out and visit.model is Model.CLOSED),
        ceiling=by_metric.get("ceiling_rps"),
        knee=by_metric.get("knee_users"),
    )


def goodput(
    curves: Sequence[Curve], *, columns: int | None = None, log_goodput: bool = True, size: tuple[int, int] = (190, 150)
) -> Spec:
    """The chart: one plot for all curves, or with ``columns`` a panel for each, in rows of that many.

    All panels have the same axes, and each shows the other curves in grey. ``size`` is that of a plot, in pixels.
    """
    axes = _Axes.around(curves, log_goodput=log_goodput)
    names = [plotted.name for plotted in curves]
    styles = [_Series(names, number, legend=columns is None) for number in range(len(curves))]
    chart: Spec = {
        "$schema": SCHEMA,
        "description": "Good answers per second against concurrent users, one curve for each run, with its ceiling",
        "background": "white",
        "config": _CONFIG,
    }
    plot = {"width": size[0], "height": size[1]}
    if columns is None:
        layers = [
            layer for plotted, style in zip(curves, styles, strict=True) for layer in _layers(plotted, style, axes)
        ]
        return {**chart, **plot, "encoding": axes.encoding(), "layer": layers}
    panels = [
        {
            **plot,
            "title": {"text": plotted.name, "subtitle": _ceiling_text(plotted.ceiling)},
            "encoding": axes.encoding(lowest=style.number + columns >= len(curves), outer=style.number % columns == 0),
            "layer": [
                *(_line(other, axes, FAINT, 1.0) for other in curves if other is not plotted),
                *_layers(plotted, style, axes),
            ],
        }
        for plotted, style in zip(curves, styles, strict=True)
    ]
    return {**chart, "columns": columns, "concat": panels}


@dataclass(frozen=True, slots=True)
class _Series:
    """The style of a curve. The first 64 all differ in colour or shape."""

    names: Sequence[str]
    number: int
    legend: bool

    @property
    def colour(self) -> str:
        return COLOURS[self.number % len(COLOURS)]

    def channel(self, styles: Sequence[str]) -> Spec:
        """An encoding by colour or shape that a legend can show."""
        return {
            "datum": self.names[self.number],
            "type": "nominal",
            "scale": {"domain": list(self.names), "range": list(styles)},
            "legend": {"title": None} if self.legend else None,
        }

    @property
    def colours(self) -> Spec:
        return self.channel([COLOURS[n % len(COLOURS)] for n in range(len(self.names))])

    @property
    def shapes(self) -> Spec:
        return self.channel([shape(n) for n in range(len(self.names))])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    """The range of each axis, which fits all curves."""

    users: tuple[float, float]
    goodput: tuple[float, float]
    log_goodput: bool

    @classmethod
    def around(cls, curves: Sequence[Curve], *, log_goodput: bool) -> _Axes:
        visits = [visit for plotted in curves for visit in plotted.visits]
        users = [visit.users for visit in visits if visit.users > 0] or [1]
        rates = [visit.goodput_rps for visit in visits if visit.goodput_rps > 0] or [1.0]
        rates += [rate for plotted in curves for rate in _rates(plotted.ceiling)]
        return cls(
            users=(min(users) / 1.4, max(users) * 1.4),
            goodput=(min(rates) / 2, max(rates) * 1.6) if log_goodput else (0.0, max(rates) * 1.1),
            log_goodput=log_goodput,
        )

    def height(self, rate: float) -> float:
        """The rate limited to the range of the axis, because a logarithmic axis cannot show 0."""
        return min(max(rate, self.goodput[0]), self.goodput[1])

    def encoding(self, *, lowest: bool = True, outer: bool = True) -> Spec:
        """The axes. Among panels, only the lowest have the title of the x axis, and only the outer ones the y axis."""
        y_scale = {"domain": list(self.goodput), "nice": False, "type": "log" if self.log_goodput else "linear"}
        y_axis: Spec = {"title": "good answers / s" if outer else None, "labels": outer, "format": ",~r"}
        if self.log_goodput:
            y_axis["values"] = _ticks(*self.goodput)
        return {
            "x": {
                "type": "quantitative",
                "scale": {"domain": list(self.users), "nice": False, "type": "log"},
                "axis": {"title": "users" if lowest else None, "format": ",~r", "values": _ticks(*self.users)},
            },
            "y": {"type": "quantitative", "scale": y_scale, "axis": y_axis},
        }


def _layers(plotted: Curve, series: _Series, axes: _Axes) -> list[Spec]:
    colour = series.colour
    return [
        *_ceiling_layers(plotted.ceiling, colour, axes),
        *_knee_layers(plotted, colour, axes, labelled=not series.legend),
        _line(plotted, axes, colour, 1.2),
        _intervals(plotted, colour, axes),
        *(_points(plotted, series, axes, valid=valid) for valid in (True, False)),
    ]


def _layer(mark: Spec, encoding: Spec, values: Sequence[Spec] = ({},)) -> Spec:
    return {"data": {"values": list(values)}, "mark": mark, "encoding": encoding}


def _ceiling_layers(ceiling: Result | None, colour: str, axes: _Axes) -> list[Spec]:
    if ceiling is None or not _rates(ceiling):
        return []
    style = {"color": colour, "tooltip": _ceiling_text(ceiling)}
    rule = {"type": "rule", "strokeWidth": 1, **style}
    if not _confirmed(ceiling):
        return [_layer({**rule, "strokeDash": [4, 3]}, {"y": {"datum": ceiling.lo}})]
    edges = {"y": {"datum": axes.height(ceiling.lo or 0.0)}, "y2": {"datum": ceiling.hi}}
    return [
        _layer({"type": "rect", "opacity": 0.25, **style}, edges),
        _layer(rule, {"y": {"datum": ceiling.value}}),
    ]


def _knee_layers(plotted: Curve, colour: str, axes: _Axes, *, labelled: bool) -> list[Spec]:
    """A dotted rule from the axis to the ceiling."""
    knee, ceiling = plotted.knee, plotted.ceiling
    if knee is None or ceiling is None or not knee.valid or not isinstance(knee.value, float):
        return []
    text = f"knee {significant(knee.value, 2)}"
    rule = {"type": "rule", "color": colour, "strokeWidth": 1.5, "strokeDash": [1.5, 2], "tooltip": f"{text} users"}
    label = {"type": "text", "text": text, "color": INK, "align": "left", "baseline": "bottom", "dx": 4, "dy": -3}
    foot = {"x": {"datum": knee.value}, "y": {"datum": axes.goodput[0]}}
    return [_layer(rule, {**foot, "y2": {"datum": ceiling.value}}), *([_layer(label, foot)] if labelled else [])]


def _line(plotted: Curve, axes: _Axes, colour: str, width: float) -> Spec:
    values = [{"users": users, "goodput": axes.height(rate)} for users, rate in plotted.line]
    mark = {"type": "line", "color": colour, "strokeWidth": width}
    return _layer(mark, {"x": {"field": "users"}, "y": {"field": "goodput"}}, values)


def _intervals(plotted: Curve, colour: str, axes: _Axes) -> Spec:
    values = [
        {"users": visit.users, "lo": axes.height(visit.goodput_lo), "hi": axes.height(visit.goodput_hi)}
        for visit in plotted.visits
        if visit.valid and visit.goodput_lo is not None and visit.goodput_hi is not None
    ]
    edges = {"x": {"field": "users"}, "y": {"field": "lo"}, "y2": {"field": "hi"}}
    return _layer({"type": "rule", "color": colour, "strokeWidth": 1}, edges, values)


def _points(plotted: Curve, series: _Series, axes: _Axes, *, valid: bool) -> Spec:
    """The visits as points: filled if valid, else hollow with the reason."""
    values = [
        {
            "run": plotted.name,
            "visit": visit.number,
            "phase": str(visit.phase),
            "users": visit.users,
            "goodput": axes.height(visit.goodput_rps),
            "good/s": significant(visit.goodput_rps, 4),
            "left out": visit.reason,
        }
        for visit in plotted.visits
        if visit.valid is valid
    ]
    fields = ["run", "visit", "phase", "users", "good/s"] + ([] if valid else ["left out"])
    encoding = {
        "x": {"field": "users"},
        "y": {"field": "goodput"},
        "stroke": series.colours,
        "shape": series.shapes,
        "tooltip": [{"field": field} for field in fields],
    }
    mark = {"type": "point", "size": 30, "strokeWidth": 1.2, "opacity": 1}
    if valid:
        return _layer(mark, {**encoding, "fill": series.colours}, values)
    return _layer({**mark, "fill": "white"}, encoding, values)


def _ceiling_text(ceiling: Result | None) -> str:
    return "no ceiling" if ceiling is None or not _rates(ceiling) else f"{interval(ceiling, 4)} /s"


def _confirmed(ceiling: Result) -> bool:
    return ceiling.valid and len(_rates(ceiling)) == 3


def _rates(ceiling: Result | None) -> list[float]:
    """The value, the lower and the upper bound, as far as known."""
    if ceiling is None:
        return []
    return [rate for rate in (ceiling.value, ceiling.lo, ceiling.hi) if isinstance(rate, float)]


def _ticks(low: float, high: float) -> list[float]:
    return ticks(low, high, short=200)


_CONFIG: Spec = {
    **config(FONT, INK, GRID),
    "title": {"anchor": "start", "color": INK, "subtitleColor": INK, "fontSize": 13, "subtitleFontSize": 11},
}
