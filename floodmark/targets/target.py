"""Targets, and the protocols that every backend implements."""

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
"""The allowed values of --backend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The request that proves that a target serves."""

    path: str
    marker: bytes | None
    """What the answer must contain; None accepts any body."""
    method: str = "GET"
    body: bytes = b""
    good: range = OK
    """The accepted statuses."""
    patient: bool = True
    """Whether to wait for a good status as long as the app answers with another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server with its settings, as declared."""

    server: Server
    settings: Mapping[str, Value]
    host: str
    port: int
    check: Check
    app: OwnApp | None = None
    """The user's own app; None for ours."""
    packages: tuple[str, ...] = ()
    """The packages of its separate environment; without any, it shares ours."""

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def nominal_slots(self) -> int | None:
        return self.server.nominal_slots(self.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """The budget of a run on this host."""

    target_cpus: tuple[int, ...]
    generator_cpus: tuple[int, ...]
    memory: int
    """Bytes."""
    shared: bool
    """Target and generator run on the same CPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The configuration in force, as reported by the running processes."""

    pids: tuple[int, ...] = ()
    """The pids of the app processes that answered, as they see them."""
    facts: Mapping[str, Value | None] = field(default_factory=dict)
    """What each of them reports."""
    version: str | None = None
    python: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """What is needed to stop a target from another process."""

    backend: str
    shared: str = ""
    """The folder of the probe's ledger."""
    pid: int = 0
    created: float = 0.0
    """When the process was started, in epoch seconds, because the pid may have been reused."""
    signal: int = 0
    scratch: str = ""
    project: str = ""


class Running(Protocol):
    """A running target."""

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
        """The pids, on this host, of the processes whose trees make up the target."""

    def ended(self) -> str | None:
        """How the target ended; None while it runs.

        Raises OutOfMemory if the kernel killed one of its processes for lack of memory.
        """

    def handle(self) -> Handle:
        """What the ``stop`` of the backend needs to stop it from another process."""

    def down(self) -> None:
        """Stop the target and leave nothing behind."""


class Backend(Protocol):
    """A way to start targets."""

    @property
    def name(self) -> str: ...

    def up(self, target: Target, allotment: Allotment, folder: Path) -> Running:
        """Start a target, wait until it serves, and verify it. Its log goes to ``folder/target.log``.

        If that fails, raises TargetError and leaves nothing running.
        """
