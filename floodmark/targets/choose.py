"""Chooses the backend."""

from __future__ import annotations

from floodmark.errors import TargetError, UsageError
from floodmark.targets import compose
from floodmark.targets.compose import ComposeBackend
from floodmark.targets.process import ProcessBackend
from floodmark.targets.requirements import Say
from floodmark.targets.target import BACKENDS, Backend


def choose(name: str, say: Say, *, outlive: bool = False) -> tuple[Backend, str]:
    """The backend called ``name``, and why it was chosen. ``auto`` chooses Compose if it works.

    With ``outlive``, targets keep running after this process ends.

    Raises UsageError for an unknown name, TargetError if ``compose`` was asked for but does not work.
    """
    if name == "process":
        return ProcessBackend(outlive=outlive, say=say), "asked for"
    if name not in BACKENDS:
        raise UsageError(f"--backend {name!r}: must be one of {', '.join(BACKENDS)}")
    reason = compose.unavailable()
    if name == "compose":
        if reason is not None:
            raise TargetError(f"the compose backend is unavailable: {reason}; start Docker, or use --backend process")
        return ComposeBackend(say), "asked for"
    if reason is None:
        return ComposeBackend(say), "a Docker engine with Compose v2 answers"
    return ProcessBackend(outlive=outlive, say=say), reason
