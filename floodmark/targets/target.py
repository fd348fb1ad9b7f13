"""What a target is, and what every backend must give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from floodmark.targets.user_app import OwnApp
from target_apps.server import Server, Value

OK = range(200, 201)
SUCCESS = range(200, 300)
ANSWERS = range(200, 500)
BACKENDS = ("auto", "process", "compose")
"""What may be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The request that proves a target serves, and the marker of its answer; None accepts any body.

    good: statuses that do. patient: whether another status may still become a good one, as the app starts.
    """

    path: str
    marker: bytes | None
    method: str = "GET"
    body: bytes = b""
    good: range = OK
    patient: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server with its settings, as declared. app: the user's own, or None for ours. packages: what an environment
    of its own has; without any, it shares ours.
    """

    server: Server
    settings: Mapping[str, Value]
    host: str
    port: int
    check: Check
    app: OwnApp | None = None
    packages: tuple[str, ...] = ()

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def nominal_slots(self) -> int | None:
        return self.server.nominal_slots(self.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """The budget on this host: which CPUs the target gets and which the generator, and memory in bytes.

    shared: target and generator run on the same CPUs.
    """

    target_cpus: tuple[int, ...]
    generator_cpus: tuple[int, ...]
    memory: int
    shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The configuration in force, read from the running processes.

    pids: app processes that answered, as they see themselves. facts: what each of them reports.
    """

    pids: tuple[int, ...] = ()
    facts: Mapping[str, Value | None] = field(default_factory=dict)
    version: str | None = None
    python: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """What ends a target from another process: a server by its pid and start time, a container by its project."""

    backend: str
    shared: str = ""
    """The folder of the probe's ledger."""
    pid: int = 0
    created: float = 0.0
    """When the process was started, epoch s: a pid may be another process's by now."""
    signal: int = 0
    scratch: str = ""
    project: str = ""


class Running(Protocol):
    """A target that is up."""

    @property
    def base_url(self) -> str: ...
    @property
    def effective(self) -> Effective: ...
    @property
    def ledger_path(self) -> Path | None: ...
    @property
    def image_digest(self) -> str | None: ...
    @property
    def memory_enforced(self) -> bool: ...

    def log(self) -> str:
        """The last lines of its output."""

    def root_pids(self) -> list[int]:
        """Processes, by this host's pids, whose trees are the target."""

    def ended(self) -> str | None:
        """How the target ended, or None while it runs.

        Raises OutOfMemory when the kernel killed any of its processes for memory.
        """

    def handle(self) -> Handle:
        """What the backend's ``stop`` needs to end it from another process."""

    def down(self) -> None:
        """Stop it and leave nothing behind."""


class Backend(Protocol):
    """A way to bring a target up."""

    @property
    def name(self) -> str: ...

    def up(self, target: Target, allotment: Allotment, folder: Path) -> Running:
        """Start the target, wait until it serves, and verify it. Its log goes to ``folder/target.log``.

        Raises TargetError, with nothing left running.
        """
