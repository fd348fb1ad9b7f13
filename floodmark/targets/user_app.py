"""The user's own app: what the ``[app]`` section says, and where that is on this machine."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floodmark.errors import UsageError
from target_apps.reference import BadReference, parse

REQUIREMENTS = "requirements.txt"
OWN_FILE = "floodmark.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSection:
    """The ``[app]`` section as it is written; its paths are relative to the file.

    module: ``package.module:callable``. path: what is asked for, and proves that the app serves, ``/`` unless said;
    marker: what the answer must contain. requirements: a file of packages to install, by default requirements.txt in
    ``dir`` where there is one; "" for none. locustfile: the user's own load, instead of ``path``. servers: each with
    settings of its own, if any: ``uwsgi:workers=4``. prepare: a command run in the app's folder before each start of a
    server. exclude: what of the folder is not copied.
    """

    module: str
    dir: str = "."
    path: str | None = None
    marker: str = ""
    requirements: str | None = None
    locustfile: str | None = None
    servers: tuple[str, ...] = ()
    prepare: str = ""
    start_timeout_s: float = 60.0
    exclude: tuple[str, ...] = ()

    @property
    def workload(self) -> str:
        """What it is loaded with, in one word."""
        return Path(self.locustfile).stem if self.locustfile else "url"

    @property
    def label(self) -> str:
        """What the app is called: its outermost package."""
        return self.module.partition(":")[0].partition(".")[0]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _module(value: object) -> str:
    text = _text(value)
    try:
        return parse(text).text
    except BadReference as error:
        raise ValueError(str(error).partition(": ")[2] or str(error)) from error


def _path(value: object) -> str:
    text = _text(value)
    if not text.startswith("/") or not text.isascii() or any(c.isspace() for c in text):
        raise ValueError("must begin with /, such as /products?page=2, in ASCII without spaces")
    return text


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise ValueError('must be a list of texts, such as ["gunicorn-gthread", "uwsgi"]')
    return tuple(value)


def _command(value: object) -> str:
    text = _text(value)
    try:
        shlex.split(text)
    except ValueError as error:
        raise ValueError(f"must be a command: {error}") from error
    return text


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 3600:
        raise ValueError("must be a number from 1 to 3600")
    return float(value)


CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "module": _module,
    "dir": _text,
    "path": _path,
    "marker": _text,
    "requirements": _text,
    "locustfile": _text,
    "servers": _texts,
    "prepare": _command,
    "start_timeout_s": _seconds,
    "exclude": _texts,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnApp:
    """The app on this machine. home: the folder that the section's paths are relative to."""

    section: AppSection
    home: Path
    dir: Path
    requirements: Path | None
    locustfile: Path | None


def locate(section: AppSection, home: Path, where: str) -> OwnApp:
    """Find what the section names. Raises UsageError."""
    home = home.resolve()
    folder = (home / section.dir).resolve()
    if not folder.is_dir():
        raise UsageError(f"{where}: the app's folder {folder} does not exist; say where it is with --app-dir")
    if section.requirements is None:
        found = folder / REQUIREMENTS
        requirements = found if found.is_file() else None
    else:
        requirements = _file(home, section.requirements, where, "requirements") if section.requirements else None
    return OwnApp(
        section=section,
        home=home,
        dir=folder,
        requirements=requirements,
        locustfile=_file(home, section.locustfile, where, "locustfile") if section.locustfile else None,
    )


def _file(home: Path, name: str, where: str, key: str) -> Path:
    path = (home / name).resolve()
    if not path.is_file():
        raise UsageError(f"{where}: {key} = {name!r}: there is no file {path}")
    return path
