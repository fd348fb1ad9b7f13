"""The building blocks of all charts: styles, axes, layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from floodmark.report.html.series import Row
from floodmark.report.vega_lite import COLOURS, SCHEMA, Spec, config, shape, ticks

INK, FAINT, GRID, PAPER = "var(--ink)", "var(--faint)", "var(--grid)", "var(--paper)"
FONT = "system-ui, Liberation Sans, Arial, Helvetica, sans-serif"
WIDTH, HEIGHT = 860, 360
LOG, LINEAR = "log", "linear"


def colour(number: int) -> str:
    """One of the page's colours --s0 to --s7. Curves with the same colour differ in shape."""
    return f"var(--s{number % COLOURS})"


@dataclass(frozen=True, slots=True)
class SeriesStyle:
    """Colour and shape by server, without a legend, because the page has its own."""

    names: Sequence[str]

    @property
    def colour(self) -> Spec:
        return self._channel([colour(n) for n in range(len(self.names))])

    @property
    def shape(self) -> Spec:
        return self._channel([shape(n) for n in range(len(self.names))])

    def _channel(self, styles: Sequence[str]) -> Spec:
        scale = {"domain": list(self.names), "range": list(styles)}
        return {"field": "server", "type": "nominal", "scale": scale, "legend": None}


def head(description: str, data: Mapping[str, Sequence[Row]] | None = None) -> Spec:
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


def layer(data: str, mark: Spec, encoding: Spec, only: str | None = None, chosen: Sequence[Spec] = ()) -> Spec:
    shown = [] if data == "null" else [{"filter": "indexof(hidden, datum.server) < 0"}]
    kept = [*shown, *chosen, *([{"filter": only}] if only else [])]
    return {"data": {"name": data}, **({"transform": kept} if kept else {}), "mark": mark, "encoding": encoding}


def axis(field: str, title: str, domains: Mapping[str, Sequence[float]] | None, kind: str) -> Spec:
    scale: Spec = {"type": kind, "nice": False}
    axis: Spec = {"format": ",~r"}
    if domains is not None:
        scale["domain"] = list(domains[kind])
        if kind == LOG:
            axis["values"] = log_ticks(*domains[LOG])
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def at(axis: Spec, field: str) -> Spec:
    return {**axis, "field": field}


def field(name: str) -> Spec:
    return {"field": name}


def plain(name: str, title: str) -> Spec:
    return {"field": name, "type": "nominal", "title": title}


def fine(name: str, title: str) -> Spec:
    return {"field": name, "type": "quantitative", "title": title, "format": ",.3~r"}


def share(name: str) -> Spec:
    return {"field": name, "type": "quantitative", "title": name, "format": ".1%"}


def log_ticks(low: float, high: float) -> list[float]:
    """The ticks of a logarithmic axis."""
    return ticks(low, high, short=1000)


_CONFIG: Spec = {
    **config(FONT, INK, GRID),
    "legend": {"labelColor": INK, "titleColor": INK},
    "text": {"color": INK},
}
