"""The charts as Vega-Lite: of a report, of the live page, and of the static pictures alike.

Colours are CSS variables of the page, so that one drawing serves light, dark and paper. Data is named, so that the
page may replace it; ``hidden`` and ``quantile`` are parameters that the page's controls set. A mark's description is
what a screen reader says of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from floodmark.report.html.series import BUCKETS_PER_DECADE, CORES, PLACES, Row

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
COLOURS = 8
"""--s0 to --s7 of the page; SHAPES tell apart what has the same one."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
INK, FAINT, GRID, PAPER = "var(--ink)", "var(--faint)", "var(--grid)", "var(--paper)"
FONT = "system-ui, Liberation Sans, Arial, Helvetica, sans-serif"
WIDTH, HEIGHT = 860, 360
HOUR_MS = 3_600_000
LOG, LINEAR = "log", "linear"


def shape(number: int) -> str:
    """Of a server's points; no other of the first 64 has both its colour and its shape."""
    return SHAPES[(number + number // COLOURS) % len(SHAPES)]


def colour(number: int) -> str:
    return f"var(--s{number % COLOURS})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """What both charts against users fit into, logarithmic and linear; None while there is nothing yet."""

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

    data: points, levels and marks of all servers, and ceilings of the generator. Valid visits are filled, the others
    hollow. ``names`` in the order of their looks.
    """
    users, rate = _x("users", scales.users, LOG), _y("goodput", "good answers / s", scales.goodput, scales.goodput_type)
    look = _Look(names)
    ceiling, knee, bound = (f"datum.kind == '{kind}'" for kind in ("ceiling", "knee", "bound"))
    rule = {"type": "rule", "clip": True}
    level = {"y": rate, "color": look.colour, "description": _field("label"), "tooltip": _field("label")}
    return {
        **_head("Good answers per second against concurrent users, a curve for each server", data),
        "params": [{"name": "hidden", "value": []}],
        "layer": [
            _layer("marks", {"type": "rect", "opacity": 0.18, "clip": True}, {**level, "y": _at(rate, "lo"),
                   "y2": _field("hi")}, ceiling),
            _layer("marks", {**rule, "strokeWidth": 1}, level, ceiling),
            _layer("marks", {**rule, "strokeWidth": 1, "strokeDash": [5, 4]}, level, bound),
            _layer("marks", {**rule, "strokeWidth": 1.5, "strokeDash": [1.5, 2.5]}, {**level, "x": users, "y2":
                   {"value": "height"}}, knee),
            _layer("null", {**rule, "strokeDash": [10, 5], "color": INK}, {"y": rate, "description": _field("label"),
                   "tooltip": _field("label")}),
            _layer("null", {"type": "text", "align": "left", "dx": 6, "dy": -6, "color": INK, "clip": True},
                   {"x": {"value": 0}, "y": rate, "text": _field("label")}),
            _layer("levels", {"type": "area", "opacity": 0.15, "clip": True, "aria": False},
                   {"x": users, "y": _at(rate, "lo"), "y2": _field("hi"), "color": look.colour}, "isValid(datum.lo)"),
            *_curve(look, users, rate, "levels", "goodput", "points"),
        ],
    }  # fmt: skip


def latency(names: Sequence[str], scales: Scales, data: Mapping[str, Sequence[Row]], quantile: str = "p95") -> Spec:
    """Latency of good answers against users: the quantile that the page's control chooses."""
    users, time = _x("users", scales.users, LOG), _y("ms", "latency / ms", scales.latency, LOG)
    look = _Look(names)
    level = {"color": look.colour, "description": _field("label"), "tooltip": _field("label")}
    chosen = [{"calculate": "datum[quantile]", "as": "ms"}, {"filter": "isValid(datum.ms)"}]
    return {
        **_head("Latency of good answers against concurrent users, a curve for each server", data),
        "params": [{"name": "hidden", "value": []}, {"name": "quantile", "value": quantile}],
        "layer": [
            _layer("marks", {"type": "rule", "strokeWidth": 1.5, "strokeDash": [1.5, 2.5], "clip": True},
                   {"x": users, **level}, "datum.kind == 'knee'"),
            *_curve(look, users, time, "levels", "ms", "points", chosen),
        ],
    }  # fmt: skip


_SAID = (
    "datum.server + ', visit ' + datum.visit + ' (' + datum.phase + '): ' + datum.users + ' users, ' + "
    "format(datum.goodput, ',.4~r') + ' good/s' + (datum.valid ? '' : '; left out: ' + datum.reason)"
)


def _curve(
    look: _Look, x: Spec, y: Spec, line: str, field: str, visits: str, chosen: Sequence[Spec] = ()
) -> list[Spec]:
    """A line through the levels, and a point for each visit."""
    told = [
        ("server", "server"), ("visit", "visit"), ("phase", "phase"), ("users", "users"), ("goodput", "good/s"),
        ("lo", "from"), ("hi", "to"), ("p50", "p50 ms"), ("p95", "p95 ms"), ("p99", "p99 ms"),
    ]  # fmt: skip
    shared = {
        "x": x,
        "y": y,
        "stroke": look.colour,
        "shape": look.shape,
        "description": _field("label"),
        "tooltip": [*(_plain(name, title) for name, title in told), _share("errors"), _plain("reason", "note")],
    }
    mark = {"type": "point", "size": 45, "strokeWidth": 1.5, "opacity": 1, "clip": True}
    said = {"calculate": _SAID, "as": "label"}
    return [
        _layer(line, {"type": "line", "strokeWidth": 1.6, "clip": True, "aria": False},
               {"x": x, "y": y, "color": look.colour}, f"isValid(datum.{field})", chosen),
        _layer(visits, {**mark, "filled": False}, {**shared, "fill": look.colour}, "datum.valid", [*chosen, said]),
        _layer(visits, {**mark, "fill": PAPER}, shared, "!datum.valid", [*chosen, said]),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Look:
    """Colour and shape by server; the legend is the page's own, with its switches."""

    names: Sequence[str]

    @property
    def colour(self) -> Spec:
        return self._channel([colour(n) for n in range(len(self.names))])

    @property
    def shape(self) -> Spec:
        return self._channel([shape(n) for n in range(len(self.names))])

    def _channel(self, looks: Sequence[str]) -> Spec:
        scale = {"domain": list(self.names), "range": list(looks)}
        return {"field": "server", "type": "nominal", "scale": scale, "legend": None}


def places() -> Spec:
    """Requests over time by where they are: in the app, in the server, in the kernel's queue."""
    order = f"indexof({list(PLACES)}, datum.place)"
    stack = {"field": "n", "type": "quantitative", "stack": "zero", "title": "requests"}
    layers = [
        _stretches(),
        {
            "data": {"name": "seconds"},
            "transform": [*_folded(PLACES, "place"), {"calculate": order, "as": "order"}],
            "mark": {"type": "area", "opacity": 0.85, "description": "requests by place"},
            "encoding": {
                "x": _time(),
                "y": stack,
                "color": _named(PLACES, [f"var(--p{n})" for n in range(len(PLACES))]),
                "order": {"field": "order", "type": "quantitative"},
                "tooltip": [_plain("t", "s"), _plain("place", "where"), _plain("n", "requests")],
            },
        },
    ]
    return {**_head("Requests over time, by where they are"), "height": 180, "layer": layers}


def cores() -> Spec:
    """CPU over time of the target's processes, and of the generator's."""
    line = {
        "data": {"name": "seconds"},
        "transform": _folded(CORES, "who"),
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {
            "x": _time(),
            "y": {"field": "n", "type": "quantitative", "title": "cores"},
            "color": _named(CORES, ["var(--s0)", "var(--s1)", "var(--s7)"]),
            "strokeDash": {**_named(CORES, [[1, 0], [6, 3], [2, 2]])},
            "tooltip": [_plain("t", "s"), _plain("who", "who"), _plain("n", "cores")],
        },
    }
    return {**_head("CPU over time, in cores"), "height": 150, "layer": [_stretches(), line]}


def pulse() -> Spec:
    """Good answers of each second of a search under way."""
    said = (
        "'second ' + datum.t + ': ' + datum.goodput + ' good/s, ' + datum.users + ' users, ' + datum.errors + ' errors'"
    )
    y = {"field": "goodput", "type": "quantitative", "title": "good answers / s"}
    line = {
        "data": {"name": "seconds"},
        "transform": [{"calculate": said, "as": "label"}],
        "mark": {"type": "line", "strokeWidth": 1.6, "color": "var(--s0)", "point": {"color": "var(--s0)", "size": 14}},
        "encoding": {"x": _time(), "y": y, "tooltip": _field("label"), "description": _field("label")},
    }
    return {**_head("Good answers per second, second by second"), "height": 180, "layer": [_stretches(), line]}


def histogram() -> Spec:
    """Latencies of each visit: the darker, the more of its answers."""
    return {
        **_head("Latency of good answers, visit by visit"),
        "height": 220,
        "data": {"name": "latencies"},
        "transform": [
            {"calculate": f"pow(10, (datum.bucket + {edge}) / {BUCKETS_PER_DECADE})", "as": name}
            for edge, name in ((0, "lo"), (1, "hi"))
        ],
        "mark": {"type": "rect", "color": "var(--s0)"},
        "encoding": {
            "x": {"field": "visit", "type": "ordinal", "sort": None, "title": "visit, phase, users",
                  "axis": {"labelAngle": -60, "labelLimit": 120}},
            "y": {"field": "lo", "type": "quantitative", "scale": {"type": LOG, "nice": False}, "title": "latency / ms",
                  "axis": {"format": ",~r"}},
            "y2": {"field": "hi"},
            "opacity": {"field": "share", "type": "quantitative", "scale": {"range": [0.12, 1]}, "legend": None},
            "tooltip": [_plain("visit", "visit"), _fine("lo", "from ms"), _fine("hi", "to ms"), _share("share")],
        },
    }  # fmt: skip


def history(names: Sequence[str], rows: Sequence[Row]) -> Spec:
    """Ceilings of all runs over time."""
    look = _Look(names)
    times = [row["started"] for row in rows]
    rates = [row[key] for row in rows for key in ("value", "lo", "hi") if row[key] is not None]
    when = {"domain": [min(times) - HOUR_MS, max(times) + HOUR_MS]}
    rate = {"domain": [0.97 * min(rates), 1.03 * max(rates)]} if rates else {}
    x = {"field": "started", "type": "temporal", "title": None, "axis": {"labelOverlap": True}, "scale": when}
    y = {"field": "value", "type": "quantitative", "title": "ceiling, good/s", "scale": {**rate, "nice": False}}
    said = {"description": _field("label"), "tooltip": _field("label")}
    mark = {"type": "point", "size": 30, "opacity": 1}
    return {
        **_head("Ceilings of all runs over time", {"history": rows}),
        "params": [{"name": "hidden", "value": []}],
        "height": 240,
        "layer": [
            _layer("history", {"type": "rule", "aria": False}, {"x": x, "y": {**y, "field": "lo"}, "y2": _field("hi"),
                   "color": look.colour}, "isValid(datum.hi)"),
            _layer("history", {**mark, "filled": False}, {"x": x, "y": y, "stroke": look.colour, "fill": look.colour,
                   "shape": look.shape, **said}, "datum.valid"),
            _layer("history", {**mark, "fill": PAPER}, {"x": x, "y": y, "stroke": look.colour, "shape": look.shape,
                   **said}, "!datum.valid && isValid(datum.value)"),
        ],
    }  # fmt: skip


def rows_of(spec: Spec) -> Iterable[Row]:
    """All rows that a chart brings along."""
    for rows in spec.get("datasets", {}).values():
        yield from rows


def _head(description: str, data: Mapping[str, Sequence[Row]] | None = None) -> Spec:
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": WIDTH,
        "height": HEIGHT,
        "background": None,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "datasets": {name: list(rows) for name, rows in (data or {}).items()},
        "config": _CONFIG,
    }


def _layer(data: str, mark: Spec, encoding: Spec, only: str | None = None, chosen: Sequence[Spec] = ()) -> Spec:
    shown = [] if data == "null" else [{"filter": "indexof(hidden, datum.server) < 0"}]
    kept = [*shown, *chosen, *([{"filter": only}] if only else [])]
    return {"data": {"name": data}, **({"transform": kept} if kept else {}), "mark": mark, "encoding": encoding}


def _x(field: str, domains: Mapping[str, Sequence[float]] | None, kind: str) -> Spec:
    return _axis(field, "users", domains, kind)


def _y(field: str, title: str, domains: Mapping[str, Sequence[float]] | None, kind: str) -> Spec:
    return _axis(field, title, domains, kind)


def _axis(field: str, title: str, domains: Mapping[str, Sequence[float]] | None, kind: str) -> Spec:
    scale: Spec = {"type": kind, "nice": False}
    axis: Spec = {"format": ",~r"}
    if domains is not None:
        scale["domain"] = list(domains[kind])
        if kind == LOG:
            axis["values"] = ticks(*domains[LOG])
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _at(axis: Spec, field: str) -> Spec:
    return {**axis, "field": field}


def _field(name: str) -> Spec:
    return {"field": name}


def _plain(name: str, title: str) -> Spec:
    return {"field": name, "type": "nominal", "title": title}


def _fine(name: str, title: str) -> Spec:
    return {"field": name, "type": "quantitative", "title": title, "format": ",.3~r"}


def _share(name: str) -> Spec:
    return {"field": name, "type": "quantitative", "title": name, "format": ".1%"}


def _named(names: Sequence[str], looks: Sequence[Any]) -> Spec:
    scale = {"domain": list(names), "range": list(looks)}
    field = {PLACES: "place", CORES: "who"}[tuple(names)]
    return {"field": field, "type": "nominal", "scale": scale, "legend": {"title": None, "orient": "top"}}


def _time() -> Spec:
    return {"field": "t", "type": "quantitative", "title": "s", "scale": {"nice": False}}


def _folded(names: Sequence[str], into: str) -> list[Spec]:
    """A row for each of these columns that has a value."""
    return [{"fold": list(names), "as": [into, "n"]}, {"filter": "isValid(datum.n)"}]


def _stretches() -> Spec:
    """The visits, as stretches behind the curves."""
    ends = {"x": {**_time(), "field": "from"}, "x2": _field("to"), "tooltip": _field("label")}
    mark = {"type": "rect", "color": FAINT, "opacity": 0.35}
    return {"data": {"name": "visits"}, "mark": mark, "encoding": {**ends, "description": _field("label")}}


def ticks(low: float, high: float) -> list[float]:
    """Of a logarithmic axis: powers of ten, and 2 and 5 times as much on a short one."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [digit * 10.0**power for power in powers for digit in ((1, 2, 5) if high / low < 1000 else (1,))]
    return [tick for tick in found if low <= tick <= high]


_CONFIG: Spec = {
    "font": FONT,
    "axis": {
        "domainColor": INK,
        "gridColor": GRID,
        "labelColor": INK,
        "tickColor": INK,
        "tickSize": 4,
        "titleColor": INK,
        "titleFontWeight": "normal",
    },
    "legend": {"labelColor": INK, "titleColor": INK},
    "text": {"color": INK},
    "view": {"stroke": None},
}
