"""Charts over time of one server and of many runs, and latencies by visit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from floodmark.report.html.series import BUCKETS_PER_DECADE, CORES, PLACES, Row
from floodmark.report.html.vega import FAINT, LOG, PAPER, SeriesStyle, field, fine, head, layer, plain, share
from floodmark.report.vega_lite import Spec

HOUR_MS = 3_600_000


def places() -> Spec:
    """Requests over time by place: in the app, in the server, in the kernel's queue."""
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
                "tooltip": [plain("t", "s"), plain("place", "where"), plain("n", "requests")],
            },
        },
    ]
    return {**head("Requests over time, by where they are"), "height": 180, "layer": layers}


def cores() -> Spec:
    """CPU over time of the processes of target and generator."""
    line = {
        "data": {"name": "seconds"},
        "transform": _folded(CORES, "who"),
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {
            "x": _time(),
            "y": {"field": "n", "type": "quantitative", "title": "cores"},
            "color": _named(CORES, ["var(--s0)", "var(--s1)", "var(--s7)"]),
            "strokeDash": {**_named(CORES, [[1, 0], [6, 3], [2, 2]])},
            "tooltip": [plain("t", "s"), plain("who", "who"), plain("n", "cores")],
        },
    }
    return {**head("CPU over time, in cores"), "height": 150, "layer": [_stretches(), line]}


def pulse() -> Spec:
    """Good answers per second of a running search."""
    label = (
        "'second ' + datum.t + ': ' + datum.goodput + ' good/s, ' + datum.users + ' users, ' + datum.errors + ' errors'"
    )
    y = {"field": "goodput", "type": "quantitative", "title": "good answers / s"}
    line = {
        "data": {"name": "seconds"},
        "transform": [{"calculate": label, "as": "label"}],
        "mark": {"type": "line", "strokeWidth": 1.6, "color": "var(--s0)", "point": {"color": "var(--s0)", "size": 14}},
        "encoding": {"x": _time(), "y": y, "tooltip": field("label"), "description": field("label")},
    }
    return {**head("Good answers per second, second by second"), "height": 180, "layer": [_stretches(), line]}


def histogram() -> Spec:
    """Latencies by visit. Darker means a larger share of its answers."""
    return {
        **head("Latency of good answers, visit by visit"),
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
            "tooltip": [plain("visit", "visit"), fine("lo", "from ms"), fine("hi", "to ms"), share("share")],
        },
    }  # fmt: skip


def history(names: Sequence[str], rows: Sequence[Row]) -> Spec:
    """The ceilings of all runs over time."""
    style = SeriesStyle(names)
    times = [row["started"] for row in rows]
    rates = [row[key] for row in rows for key in ("value", "lo", "hi") if row[key] is not None]
    when = {"domain": [min(times) - HOUR_MS, max(times) + HOUR_MS]}
    wide = bool(rates) and min(rates) > 0 and max(rates) > 10 * min(rates)
    rate: Spec = {"type": LOG if wide else "linear", "nice": False}
    if rates:
        rate["domain"] = [min(rates) / 1.2, 1.2 * max(rates)] if wide else [0.97 * min(rates), 1.03 * max(rates)]
    x = {"field": "started", "type": "temporal", "title": None, "axis": {"labelOverlap": True}, "scale": when}
    y = {"field": "value", "type": "quantitative", "title": "ceiling, good/s", "scale": rate, "axis": {"format": ",~r"}}
    label = {"description": field("label"), "tooltip": field("label")}
    mark = {"type": "point", "size": 30, "opacity": 1}
    return {
        **head("Ceilings of all runs over time", {"history": rows}),
        "params": [{"name": "hidden", "value": []}],
        "height": 240,
        "layer": [
            layer("history", {"type": "rule", "aria": False}, {"x": x, "y": {**y, "field": "lo"}, "y2": field("hi"),
                   "color": style.colour}, "isValid(datum.hi)"),
            layer("history", {**mark, "filled": False}, {"x": x, "y": y, "stroke": style.colour, "fill": style.colour,
                   "shape": style.shape, **label}, "datum.valid"),
            layer("history", {**mark, "fill": PAPER}, {"x": x, "y": y, "stroke": style.colour, "shape": style.shape,
                   **label}, "!datum.valid && isValid(datum.value)"),
        ],
    }  # fmt: skip


def _named(names: Sequence[str], styles: Sequence[Any]) -> Spec:
    scale = {"domain": list(names), "range": list(styles)}
    column = {PLACES: "place", CORES: "who"}[tuple(names)]
    return {"field": column, "type": "nominal", "scale": scale, "legend": {"title": None, "orient": "top"}}


def _time() -> Spec:
    return {"field": "t", "type": "quantitative", "title": "s", "scale": {"nice": False}}


def _folded(names: Sequence[str], into: str) -> list[Spec]:
    """Transforms that make a row of each of these columns that has a value."""
    return [{"fold": list(names), "as": [into, "n"]}, {"filter": "isValid(datum.n)"}]


def _stretches() -> Spec:
    """The visits as stretches behind the curves."""
    ends = {"x": {**_time(), "field": "from"}, "x2": field("to"), "tooltip": field("label")}
    mark = {"type": "rect", "color": FAINT, "opacity": 0.35}
    return {"data": {"name": "visits"}, "mark": mark, "encoding": {**ends, "description": field("label")}}
