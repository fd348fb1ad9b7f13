"""What the conductor tells the load side: one JSON file, named by ``FLOODMARK_LOAD``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from floodmark.errors import UsageError
from floodmark.protocol.wire import decode, encode
from floodmark.search.settings import LevelSettings, RateSettings, SearchSettings
from floodmark.verdict.enums import Spacing

VARIABLE = "FLOODMARK_LOAD"


class Client(StrEnum):
    """Which user class makes the load of our own locustfiles."""

    STEP = "step"
    LEAN = "lean"
    FAST = "fast"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """Settings of one load. Without a conductor, the defaults."""

    journal: Path | None = None
    """Where measurements go; None without a conductor."""
    client: Client = Client.STEP
    path: str = "/"
    """What ``locustfiles/url.py`` asks for."""
    marker: str = ""
    """What a good answer contains."""
    hostile: str = ""
    """Hostile clients that run alongside, as ``KIND=N,...``; the locustfile's default where empty."""
    search: SearchSettings = field(default_factory=SearchSettings)
    seed: int = 1
    rate: RateSettings | None = None
    """One rate of the open model, instead of a search."""
    level: LevelSettings | None = None
    """One number of users, instead of a search."""
    spacing: Spacing = Spacing.POISSON
    new_connections: bool = False
    """Every request on a connection of its own."""
    close_delay_s: float = 0.0
    """How late each connection is closed."""
    null_rps: float | None = None
    """What this generator gets from a server that does nothing, in requests per second."""
    shared: bool = False
    """The generator runs on the target's own CPUs."""
    scenario: str = ""
    choices: Mapping[str, SearchSettings] = field(default_factory=dict)
    """What the web UI may choose instead, by the scenario's name."""
    switch: Path | None = None
    """The folder through which the web UI asks for another target."""


def write_settings(settings: LoadSettings) -> bytes:
    """The file's content."""
    return encode(settings)


def read_settings() -> LoadSettings:
    """The conductor's settings; without one, the defaults, and what the environment says of our own locustfiles."""
    path = os.environ.get(VARIABLE)
    if path:
        return decode(Path(path).read_bytes(), LoadSettings)
    client = os.environ.get("FLOODMARK_CLIENT") or Client.STEP
    if client not in list(Client):
        raise UsageError(f"FLOODMARK_CLIENT={client!r}: must be one of {', '.join(Client)}")
    return LoadSettings(
        client=Client(client),
        path=os.environ.get("FLOODMARK_PATH") or "/",
        marker=os.environ.get("FLOODMARK_MARKER", ""),
        hostile=os.environ.get("FLOODMARK_HOSTILE", ""),
    )
