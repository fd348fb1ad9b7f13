"""What a known answer is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A real server with one of our apps; floodmark brings it up. calibrate: app whose slot time is measured."""

    scenario: str
    app: str
    settings: Mapping[str, int] = field(default_factory=dict)
    calibrate: str | None = "constant"
    one_slot: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A server without WSGI behind ``--url``: its words, and whether floodmark is told its pid."""

    module: str = "testbed.slot_server"
    address: str = "{port}"
    words: tuple[str, ...] = ()
    watched: bool = False
