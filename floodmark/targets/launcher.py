"""Brings the targets of a command up, with the CPUs and the memory that they were allotted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from floodmark.targets.external import RunningExternal
from floodmark.targets.target import Allotment, Backend, Running, Target


class Launcher(Protocol):
    """What brings targets up. name: of the backend; why: why it was taken, for people."""

    @property
    def name(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def allotment(self) -> Allotment: ...

    def up(self, target: Target | None, folder: Path) -> Running:
        """Start a target and verify it; its log goes to ``folder/target.log``. None where it is up already.

        Raises TargetError, with nothing left running.
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
    """Starts nothing: the server is up already."""

    running: RunningExternal
    allotment: Allotment
    name: str = "external"
    why: str = "--url was given"

    def up(self, target: Target | None, folder: Path) -> Running:
        assert target is None
        return self.running
