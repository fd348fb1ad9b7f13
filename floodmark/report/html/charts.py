"""The charts against users as Vega-Lite, for the report, the live page and static pictures.

Colours are CSS variables of the page, so that a chart works in light and dark mode and in print. Data sets are named,
so that the page can replace them. ``hidden`` and ``quantile`` are parameters that the controls of the page set. The
description of a mark is for screen readers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.report.html.series import Row
from floodmark.report.html.vega import (
    FAINT,
    INK,
    LINEAR,
    LOG,
    PAPER,
    SeriesStyle,
    at,
    axis,
    field,
    head,
    layer,
    plain,
    share,
)
from floodmark.report.vega_lite import Spec

PANEL_WIDTH, PANEL_HEIGHT = 190, 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """The axis ranges of both charts against users, logarithmic and linear; None without data."""

    users: Mapping[str, Sequence[float]] | None = None
    goodput: Mapping[str, Sequence[float]] | None = None
    latency: Mapping[str, Sequence[float]] | None = None
    goodput_type: str = LINEAR

    @classmethod
    def around(cls, points: Sequence[Row], marks: Sequence[Row], null_rps: float | None = None) -> Scales:
        rates = [p["goodput"] for p in points] + [m[key] for m in marks for key in ("goodput", "hi") if m.get(key)]
        rates = [rate for rate in rates if rate and rate > 0]
        times = [p[q] for p in points for q in ("p50", "p95", "p99") if p[q]]
        spread = max(rates) / _quartile(rates) if rates else 1.0
        return cls(
            users=_domains([p["users"] for p in points], 1.3),
            goodput=_domains([*rates, *([null_rps] if null_rps else [])], 1.6, most=max(rates, default=1.0)),
            latency=_domains(times, 1.6),
            goodput_type=LOG if spread > 10 else LINEAR,
        )


def _quartile(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 4]


def _domains(values: Sequence[float], room: float, most: float | None = None) -> dict[str, list[float]] | None:
    if not values:
        return None
    top = most if most is not None else max(values)
    return {LOG: [min(values) / room, max(values) * room], LINEAR: [0.0, top * 1.08]}


def goodput(names: Sequence[str], scales: Scales, data: Mapping[str, Sequence[Row]]) -> Spec:
    """Good answers per second against users.

    ``names`` are the servers in the order of their styles. ``data`` has the points, levels and marks of all servers,
    and the generator's own ceilings. Valid visits are filled, others hollow.
    """
    layers = _goodput_layers(SeriesStyle(names), *_goodput_axes(scales))
    return {
        **head("Good answers per second against concurrent users, a curve for each server", data),
        "params": [{"name": "hidden", "value": []}],
        "layer": layers,
    }


def panels(
    names: Sequence[str], scales: Scales, data: Mapping[str, Sequence[Row]], subtitles: Sequence[str], columns: int
) -> Spec:
    """The same with a small panel per server, in rows of ``columns``. Each panel shows the other curves in grey."""
    chart = head("Good answers per second against concurrent users, a panel for each server", data)
    drawn = []
    for number, (name, subtitle) in enumerate(zip(names, subtitles, strict=True)):
        axes = _panel_axes(scales, lowest=number + columns >= len(names), outer=number % columns == 0)
        drawn.append(
            {
                "width": PANEL_WIDTH,
                "height": PANEL_HEIGHT,
                "title": {"text": name, "subtitle": subtitle, "anchor": "start", "color": INK, "subtitleColor": INK},
                "layer": _panel(names, name, *axes),
            }
        )
    shared = {key: chart[key] for key in ("$schema", "description", "datasets", "config")}
    return {**shared, "columns": columns, "concat": drawn}


def _panel(names: Sequence[str], name: str, x: Spec, y: Spec) -> list[Spec]:
    """The layers of a server, on top of the curves of all others."""
    this, others = (f"datum.server {relation} {json.dumps(name)}" for relation in ("==", "!="))
    grey = {"type": "line", "strokeWidth": 1, "color": FAINT, "clip": True, "aria": False}
    label = {"type": "text", "align": "left", "baseline": "bottom", "dx": 4, "dy": -3, "color": INK}
    knee = "'knee ' + format(datum.users, datum.users < 100 ? '.2r' : '.0f')"
    drawn = [spec for spec in _goodput_layers(SeriesStyle(names), x, y) if spec["data"]["name"] != "null"]
    return [
        {**_filtered("levels", others), "mark": grey, "encoding": {"x": x, "y": y, "detail": field("server")}},
        # This filter replaces the one for the servers chosen on the page.
        *({**spec, "transform": [{"filter": this}, *spec["transform"][1:]]} for spec in drawn),
        {
            **_filtered("marks", f"{this} && datum.kind == 'knee'", {"calculate": knee, "as": "knee"}),
            "mark": label,
            "encoding": {"x": x, "y": {"value": PANEL_HEIGHT}, "text": field("knee")},
        },
    ]


def _filtered(data: str, only: str, *further: Spec) -> Spec:
    return {"data": {"name": data}, "transform": [{"filter": only}, *further]}


def _panel_axes(scales: Scales, *, lowest: bool, outer: bool) -> tuple[Spec, Spec]:
    """The axes of a panel: only the lowest panels have a title for the users, only the outer ones labels for goodput.

    There is room below the lowest curve for the label of the knee.
    """
    users, rate = _goodput_axes(scales)
    if scales.goodput is not None:
        rate["scale"]["domain"][0] /= 1.5
    if not lowest:
        users["title"] = None
    if not outer:
        rate.update(title=None, axis={**rate["axis"], "labels": False})
    return users, rate


def _goodput_axes(scales: Scales) -> tuple[Spec, Spec]:
    return (
        axis("users", "users", scales.users, LOG),
        axis("goodput", "good answers / s", scales.goodput, scales.goodput_type),
    )


def _goodput_layers(style: SeriesStyle, users: Spec, rate: Spec) -> list[Spec]:
    """The layers for ceilings, knees, the generator's own ceiling, levels and visits."""
    ceiling, knee, bound = (f"datum.kind == '{kind}'" for kind in ("ceiling", "knee", "bound"))
    rule = {"type": "rule", "clip": True}
    level = {"y": rate, "color": style.colour, "description": field("label"), "tooltip": field("label")}
    return [
        layer("marks", {"type": "rect", "opacity": 0.18, "clip": True}, {**level, "y": at(rate, "lo"),
               "y2": field("hi")}, ceiling),
        layer("marks", {**rule, "strokeWidth": 1}, level, ceiling),
        layer("marks", {**rule, "strokeWidth": 1, "strokeDash": [5, 4]}, level, bound),
        layer("marks", {**rule, "strokeWidth": 1.5, "strokeDash": [1.5, 2.5]}, {**level, "x": users, "y2":
               {"value": "height"}}, knee),
        layer("null", {**rule, "strokeDash": [10, 5], "color": INK}, {"y": rate, "description": field("label"),
               "tooltip": field("label")}),
        layer("null", {"type": "text", "align": "left", "dx": 6, "dy": -6, "color": INK, "clip": True},
               {"x": {"value": 0}, "y": rate, "text": field("label")}),
        layer("levels", {"type": "area", "opacity": 0.15, "clip": True, "aria": False},
               {"x": users, "y": at(rate, "lo"), "y2": field("hi"), "color": style.colour}, "isValid(datum.lo)"),
        *_curve(style, users, rate, "levels", "goodput", "points"),
    ]  # fmt: skip


def latency(names: Sequence[str], scales: Scales, data: Mapping[str, Sequence[Row]], quantile: str = "p95") -> Spec:
    """Latency of good answers against users, for the quantile chosen on the page."""
    users, time = axis("users", "users", scales.users, LOG), axis("ms", "latency / ms", scales.latency, LOG)
    style = SeriesStyle(names)
    level = {"color": style.colour, "description": field("label"), "tooltip": field("label")}
    chosen = [{"calculate": "datum[quantile]", "as": "ms"}, {"filter": "isValid(datum.ms)"}]
    return {
        **head("Latency of good answers against concurrent users, a curve for each server", data),
        "params": [{"name": "hidden", "value": []}, {"name": "quantile", "value": quantile}],
        "layer": [
            layer("marks", {"type": "rule", "strokeWidth": 1.5, "strokeDash": [1.5, 2.5], "clip": True},
                   {"x": users, **level}, "datum.kind == 'knee'"),
            *_curve(style, users, time, "levels", "ms", "points", chosen),
        ],
    }  # fmt: skip


_LABEL = (
    "datum.server + ', visit ' + datum.visit + ' (' + datum.phase + '): ' + datum.users + ' users, ' + "
    "format(datum.goodput, ',.4~r') + ' good/s' + (datum.valid ? '' : '; left out: ' + datum.reason)"
)


def _curve(
    style: SeriesStyle, x: Spec, y: Spec, line: str, shown: str, visits: str, chosen: Sequence[Spec] = ()
) -> list[Spec]:
    """A line through the levels, and a point per visit."""
    fields = [
        ("server", "server"), ("visit", "visit"), ("phase", "phase"), ("users", "users"), ("goodput", "good/s"),
        ("lo", "from"), ("hi", "to"), ("p50", "p50 ms"), ("p95", "p95 ms"), ("p99", "p99 ms"),
    ]  # fmt: skip
    shared = {
        "x": x,
        "y": y,
        "stroke": style.colour,
        "shape": style.shape,
        "description": field("label"),
        "tooltip": [*(plain(name, title) for name, title in fields), share("errors"), plain("reason", "note")],
    }
    mark = {"type": "point", "size": 45, "strokeWidth": 1.5, "opacity": 1, "clip": True}
    label = {"calculate": _LABEL, "as": "label"}
    return [
        layer(line, {"type": "line", "strokeWidth": 1.6, "clip": True, "aria": False},
               {"x": x, "y": y, "color": style.colour}, f"isValid(datum.{shown})", chosen),
        layer(visits, {**mark, "filled": False}, {**shared, "fill": style.colour}, "datum.valid", [*chosen, label]),
        layer(visits, {**mark, "fill": PAPER}, shared, "!datum.valid", [*chosen, label]),
    ]  # fmt: skip
