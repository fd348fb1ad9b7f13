"""The settings from the conductor to the load side: a JSON file, named by ``FLOODMARK_LOAD``."""

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
    """The user class that makes the load in our own locustfiles."""

    STEP = "step"
    LEAN = "lean"
    FAST = "fast"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """The settings of a load. Without a conductor, the defaults apply."""

    journal: Path | None = None
    """The file for measurements; None without a conductor."""
    client: Client = Client.STEP
    path: str = "/"
    """The path that ``locustfiles/url.py`` requests."""
    marker: str = ""
    """What a good answer must contain."""
    hostile: str = ""
    """Hostile clients to run alongside, as ``KIND=N,...``; empty for the locustfile's default."""
    search: SearchSettings = field(default_factory=SearchSettings)
    seed: int = 1
    rate: RateSettings | None = None
    """A single rate in the open model, instead of a search."""
    level: LevelSettings | None = None
    """A single level in the closed model, instead of a search."""
    spacing: Spacing = Spacing.POISSON
    new_connections: bool = False
    """Open a new connection for every request."""
    close_delay_s: float = 0.0
    """How long to wait before a finished connection is closed."""
    null_rps: float | None = None
    """Requests per second that this generator reaches against a null server."""
    shared: bool = False
    """The generator runs on the target's CPUs."""
    scenario: str = ""
    choices: Mapping[str, SearchSettings] = field(default_factory=dict)
    """Other scenarios that the web UI can choose, by name."""
    switch: Path | None = None
    """The folder through which the web UI requests another target."""


def write_settings(settings: LoadSettings) -> bytes:
    """The content of the file."""
    return encode(settings)


def read_settings() -> LoadSettings:
    """The settings from the conductor, or without one the defaults and the environment variables of our locustfiles."""
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
