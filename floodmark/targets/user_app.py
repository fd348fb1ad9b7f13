"""The user's own app: checks the ``[app]`` section and finds its files on this machine."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floodmark.errors import UsageError
from floodmark.results.record import AppSection
from target_apps.reference import BadReference, parse

REQUIREMENTS = "requirements.txt"
OWN_FILE = "floodmark.toml"


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
        raise ValueError("must begin with / and be ASCII without spaces, such as /products?page=2")
    return text


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise ValueError('must be a list of strings, such as ["gunicorn-gthread", "uwsgi"]')
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
    """The user's own app on this machine."""

    section: AppSection
    home: Path
    """The folder that the paths of the section are relative to."""
    dir: Path
    requirements: Path | None
    locustfile: Path | None


def locate(section: AppSection, home: Path, where: str) -> OwnApp:
    """Find the folder and the files that the section names. Raises UsageError."""
    home = home.resolve()
    folder = (home / section.dir).resolve()
    if not folder.is_dir():
        raise UsageError(f"{where}: the app's folder {folder} does not exist; set it with --app-dir")
    if section.requirements is None:
        default = folder / REQUIREMENTS
        requirements = default if default.is_file() else None
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
