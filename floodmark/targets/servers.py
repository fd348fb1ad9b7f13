"""The servers declared in ``target_apps``, with CatalogError turned into UsageError."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from floodmark.errors import UsageError
from target_apps import catalog
from target_apps.server import CatalogError, Server, Value

OWN = catalog.OWN
"""The environment variable that names a folder of the user's own server files."""


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except CatalogError as error:
        raise UsageError(str(error)) from error


def names() -> list[str]:
    """The names of all servers. Raises UsageError if a server file is invalid."""
    with _usage_errors():
        return catalog.names()


def deployable() -> list[str]:
    """The names of the servers that can run here. Raises UsageError if a server file is invalid."""
    with _usage_errors():
        return catalog.deployable()


def find(name: str) -> Server:
    """A server by name. Raises UsageError, with the closest name, if there is none."""
    with _usage_errors():
        return catalog.load(name)


def resolve(server: Server, settings: Mapping[str, object], where: str) -> dict[str, Value]:
    """All settings of a server, with defaults. Raises UsageError, naming ``where``, for an unknown or invalid one."""
    with _usage_errors():
        return server.resolve(settings, where)


def missing(server: Server) -> str | None:
    """Why a server cannot run here; None if it can. Raises UsageError if its file is invalid."""
    with _usage_errors():
        return server.missing()


def own_folder() -> Path | None:
    """The folder of the user's own server files, if any. Raises UsageError if it does not exist."""
    with _usage_errors():
        return catalog.own_folder()


def is_own(name: str) -> bool:
    """Whether the server is declared by a file of the user's own."""
    with _usage_errors():
        return catalog.is_own(name)
