"""What the conductor tells the load side, as one JSON file named by ``FLOODMARK_LOAD``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floodmark.search.pace import FULL, QUICK, SearchSettings

VARIABLE = "FLOODMARK_LOAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """Settings of one ramp. Without a conductor, the defaults.

    journal: where to hand measurements over; None without a conductor.
    """

    journal: Path | None = None
    search: SearchSettings = field(default_factory=SearchSettings)
    seed: int = 1


def to_json(settings: LoadSettings) -> str:
    """The wire form."""
    search = settings.search
    return json.dumps(
        {
            "journal": str(settings.journal) if settings.journal else None,
            "seed": settings.seed,
            "search": {
                "slots_hint": search.slots_hint,
                "think_time_s": search.think_time_s,
                "precision": search.precision,
                "time_budget_s": search.time_budget_s,
                "max_users": search.max_users,
                "quick": search.pace is QUICK,
            },
        }
    )


def read_settings() -> LoadSettings:
    """The conductor's settings, or the defaults."""
    path = os.environ.get(VARIABLE)
    if not path:
        return LoadSettings()
    wire: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    search = dict(wire["search"])
    pace = QUICK if search.pop("quick") else FULL
    return LoadSettings(
        journal=Path(wire["journal"]) if wire["journal"] else None,
        search=SearchSettings(pace=pace, **search),
        seed=wire["seed"],
    )
