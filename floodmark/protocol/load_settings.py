"""What the conductor tells the load side, as one JSON file named by ``FLOODMARK_LOAD``."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floodmark.search.settings import FULL, QUICK, LevelSettings, RateSettings, SearchSettings, SloSettings
from floodmark.verdict.enums import Spacing

VARIABLE = "FLOODMARK_LOAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """Settings of one ramp. Without a conductor, the defaults.

    journal: where to hand measurements over; None without a conductor. rate: one rate of the open model, level: one
    number of users, instead of a search; spacing: of the open model's arrivals. new_connections: every request on a
    connection of its own; close_delay_s: each closed that late. null_rps: what this generator gets from a server that
    does nothing. shared: it runs on the target's own CPUs. scenario: its name, for people. choices: what the web UI may
    choose instead, by name; switch: the folder through which its target is asked for.
    """

    journal: Path | None = None
    search: SearchSettings = field(default_factory=SearchSettings)
    seed: int = 1
    rate: RateSettings | None = None
    level: LevelSettings | None = None
    spacing: Spacing = Spacing.POISSON
    new_connections: bool = False
    close_delay_s: float = 0.0
    null_rps: float | None = None
    shared: bool = False
    scenario: str = ""
    choices: Mapping[str, SearchSettings] = field(default_factory=dict)
    switch: Path | None = None


def to_json(settings: LoadSettings) -> str:
    """The wire form."""
    return json.dumps(
        {
            "journal": str(settings.journal) if settings.journal else None,
            "seed": settings.seed,
            "rate": dataclasses.asdict(settings.rate) if settings.rate is not None else None,
            "level": dataclasses.asdict(settings.level) if settings.level is not None else None,
            "spacing": settings.spacing,
            "new_connections": settings.new_connections,
            "close_delay_s": settings.close_delay_s,
            "null_rps": settings.null_rps,
            "shared": settings.shared,
            "scenario": settings.scenario,
            "choices": {name: _search_to_wire(search) for name, search in settings.choices.items()},
            "switch": str(settings.switch) if settings.switch else None,
            "search": _search_to_wire(settings.search),
        }
    )


def _search_to_wire(search: SearchSettings) -> dict[str, Any]:
    return {
        "slots_hint": search.slots_hint,
        "think_time_s": search.think_time_s,
        "precision": search.precision,
        "time_budget_s": search.time_budget_s,
        "max_users": search.max_users,
        "known_users": search.known_users,
        "quick": search.effort is QUICK,
        "slo": dataclasses.asdict(search.slo) if search.slo is not None else None,
    }


def _search_from_wire(wire: Mapping[str, Any]) -> SearchSettings:
    search = dict(wire)
    effort = QUICK if search.pop("quick") else FULL
    slo = search.pop("slo")
    return SearchSettings(effort=effort, slo=SloSettings(**slo) if slo is not None else None, **search)


def read_settings() -> LoadSettings:
    """The conductor's settings, or the defaults."""
    path = os.environ.get(VARIABLE)
    if not path:
        return LoadSettings()
    wire: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return LoadSettings(
        journal=Path(wire["journal"]) if wire["journal"] else None,
        search=_search_from_wire(wire["search"]),
        seed=wire["seed"],
        rate=RateSettings(**wire["rate"]) if wire["rate"] is not None else None,
        level=LevelSettings(**wire["level"]) if wire["level"] is not None else None,
        spacing=Spacing(wire["spacing"]),
        new_connections=wire["new_connections"],
        close_delay_s=wire["close_delay_s"],
        null_rps=wire["null_rps"],
        shared=wire["shared"],
        scenario=wire["scenario"],
        choices={name: _search_from_wire(search) for name, search in wire["choices"].items()},
        switch=Path(wire["switch"]) if wire["switch"] else None,
    )
