"""A picture for each word of docs/bottlenecks.md, from the visits that `make bottlenecks ARGS=--store` kept.

To the left where the requests of each level were, to the right how much was used of what there was.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Sequence

from benchmarks.bottlenecks.fixtures import FIXTURES, Fixture
from benchmarks.bottlenecks.stored import Kept, read_stored
from floodmark.report.html.vega import FAINT, colour, head
from floodmark.report.vega_lite import Spec
from floodmark.verdict.enums import BOTTLENECK_TEXT, Phase
from floodmark.verdict.figures import Figures
from floodmark.verdict.rules import RULES
from floodmark.verdict.visit import Visit

PLACE = "pictures"
PLACES: tuple[tuple[str, Callable[[Visit], float | None]], ...] = (
    ("in the app", lambda visit: visit.app_inflight_mean),
    ("in the server", lambda visit: visit.waiting_in_server),
    ("in the kernel's queue", lambda visit: visit.waiting_in_kernel),
)
SHARES = {
    "cpu_share": "CPU",
    "hottest": "busiest process",
    "taken_share": "CPU taken by others",
    "throttled_share": "quota periods throttled",
    "slots_share": "slots",
    "fullest": "slots, fullest process",
    "emptiest": "slots, emptiest process",
    "connections_share": "connections",
    "memory_share": "memory",
    "overflow_share": "turned away, per answer",
}
"""Figures between 0 and 1, and what the picture calls them."""
SIZE = (250, 170)
UP = {Phase.BASE, Phase.BRACKET, Phase.PLACE, Phase.HOLD, Phase.STEP}


def section() -> str:
    """What stands between the marks of the page."""
    return "".join(f"\n{text}\n" for text in _texts()) + "\n"


def pictures() -> dict[str, Spec]:
    """The charts, by name."""
    return {kept.id: picture(kept) for _, kept in _kept()}


def _kept() -> Iterator[tuple[Fixture, Kept]]:
    stored = {kept.id: kept for kept in read_stored()}
    return ((fixture, stored[fixture.id]) for fixture in FIXTURES if fixture.id in stored)


def _texts() -> Iterator[str]:
    for fixture, kept in _kept():
        named = kept.name(kept.visits)
        text = BOTTLENECK_TEXT[kept.word]
        yield f"### {text[0].upper()}{text[1:]} (`{kept.word}`)"
        yield f"![{kept.word}](bottlenecks/{kept.id}.svg)"
        yield f"{fixture.claim[0].upper()}{fixture.claim[1:]}: {named.evidence}.\n\n*What to do*: {named.advice}."


def picture(kept: Kept) -> Spec:
    """Requests by place and level; figures at the level that is judged, those that decide in colour."""
    found = kept.name(kept.visits).figures
    chart = head("Where the requests of each level were, and how much was used of what there was")
    return {
        **{key: chart[key] for key in ("$schema", "description", "config")},
        "hconcat": [_places(kept.visits), _shares(kept, found)],
        "resolve": {"scale": {"color": "independent"}},
    }


def _places(visits: Sequence[Visit]) -> Spec:
    names = [name for name, _ in PLACES]
    return {
        "width": SIZE[0],
        "height": SIZE[1],
        "data": {"values": list(_levels(visits))},
        "mark": {"type": "bar", "opacity": 0.85},
        "encoding": {
            "x": {"field": "users", "type": "ordinal", "title": "users", "axis": {"labelAngle": 0}},
            "y": {"field": "n", "type": "quantitative", "title": "requests, on average", "stack": "zero"},
            "order": {"field": "order", "type": "quantitative"},
            "color": {
                "field": "place",
                "type": "nominal",
                "sort": names,
                "scale": {"domain": names, "range": [f"var(--p{n})" for n in range(len(names))]},
                "legend": {"title": None, "orient": "top"},
            },
        },
    }


def _levels(visits: Sequence[Visit]) -> Iterator[dict[str, object]]:
    for users in sorted({visit.users for visit in visits if visit.phase in UP}):
        here = [visit for visit in visits if visit.phase in UP and visit.users == users]
        for order, (name, read) in enumerate(PLACES):
            known = [value for visit in here if (value := read(visit)) is not None]
            if known:
                yield {"users": users, "place": name, "order": order, "n": round(statistics.median(known), 3)}


def _shares(kept: Kept, found: Figures) -> Spec:
    deciding = {c.figure for rule in RULES if rule.margin(found) is not None and rule.word is kept.word
                for c in rule.conditions}  # fmt: skip
    measured = {key: value for key, value in dataclasses.asdict(found).items() if key in SHARES and value is not None}
    rows = [
        {"figure": name, "share": round(min(measured[key], 1.0), 3), "decides": key in deciding}
        for key, name in SHARES.items()
        if key in measured
    ]
    return {
        "width": SIZE[0],
        "height": SIZE[1],
        "data": {"values": rows},
        "mark": "bar",
        "encoding": {
            "y": {"field": "figure", "type": "nominal", "sort": list(SHARES.values()), "title": None},
            "x": {
                "field": "share",
                "type": "quantitative",
                "title": f"of what there is, at {found.users or 0:.0f} users",
                "scale": {"domain": [0, 1]},
                "axis": {"format": ".0%"},
            },
            "color": {"condition": {"test": "datum.decides", "value": colour(1)}, "value": FAINT},
        },
    }
