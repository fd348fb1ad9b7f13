"""The servers that ``target_apps`` declares, with errors of our own family."""

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
    """Every server there is. Raises UsageError for server files that cannot be used."""
    with _usage_errors():
        return catalog.names()


def deployable() -> list[str]:
    """The servers that can run here. Raises UsageError for server files that cannot be used."""
    with _usage_errors():
        return catalog.deployable()


def find(name: str) -> Server:
    """A server by name. Raises UsageError, with the nearest name, where there is none."""
    with _usage_errors():
        return catalog.load(name)


def resolve(server: Server, settings: Mapping[str, object], where: str) -> dict[str, Value]:
    """All settings of a server. Raises UsageError naming ``where`` for one that it has not, or cannot take."""
    with _usage_errors():
        return server.resolve(settings, where)


def missing(server: Server) -> str | None:
    """Why a server cannot run here; None where it can. Raises UsageError for a server file that cannot be used."""
    with _usage_errors():
        return server.missing()


def own_folder() -> Path | None:
    """The folder of the user's own server files. Raises UsageError where it does not exist."""
    with _usage_errors():
        return catalog.own_folder()


def is_own(name: str) -> bool:
    """Whether a server file of the user's own declares it."""
    with _usage_errors():
        return catalog.is_own(name)
