"""Starts the targets of a command with their allotted CPUs and memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from floodmark.targets.external import RunningExternal
from floodmark.targets.target import Allotment, Backend, Running, Target


class Launcher(Protocol):
    """Starts targets."""

    @property
    def name(self) -> str:
        """The name of the backend."""

    @property
    def why(self) -> str:
        """Why it was chosen, for people."""

    @property
    def allotment(self) -> Allotment: ...

    def up(self, target: Target | None, folder: Path) -> Running:
        """Start a target and verify it. Its log goes to ``folder/target.log``. None: it is already running.

        If that fails, raises TargetError and leaves nothing running.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendLauncher:
    """Starts each target on one backend."""

    backend: Backend
    why: str
    allotment: Allotment

    @property
    def name(self) -> str:
        return self.backend.name

    def up(self, target: Target | None, folder: Path) -> Running:
        assert target is not None
        return self.backend.up(target, self.allotment, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLauncher:
    """Starts nothing, because the server is already running."""

    running: RunningExternal
    allotment: Allotment
    name: str = "external"
    why: str = "--url was given"

    def up(self, target: Target | None, folder: Path) -> Running:
        assert target is None
        return self.running
