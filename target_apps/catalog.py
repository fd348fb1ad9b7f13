"""The catalog of servers: reads and checks their TOML files.

Our own files are in ``servers/``; ``FLOODMARK_SERVERS`` names a folder with more.
"""

from __future__ import annotations

import os
import signal
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Formatter

from target_apps.formula import FormulaError, evaluate
from target_apps.server import CatalogError, Place, ReadBack, Reading, Server, Setting, Value, did_you_mean

SERVERS = Path(__file__).parent / "servers"
OWN = "FLOODMARK_SERVERS"


def own_folder() -> Path | None:
    """The absolute folder of the user's own server files, if any. Raises CatalogError if it does not exist."""
    text = os.environ.get(OWN)
    if not text:
        return None
    folder = Path(text).resolve()
    if not folder.is_dir():
        raise CatalogError(f"{OWN}={text}: there is no such folder; it must contain server files, NAME.toml")
    return folder


def names() -> list[str]:
    """The names of all servers, ours and the user's own. Raises CatalogError for a name that both use."""
    ours, own = _stems(SERVERS), _stems(own_folder())
    for name in sorted(ours & own):
        raise CatalogError(f"{OWN}: {name}.toml has the name of a built-in server; rename it")
    return sorted(ours | own)


def deployable() -> list[str]:
    """The servers that can start here, without our own reference, which nobody deploys."""
    servers = [load(name) for name in names()]
    return [server.name for server in servers if server.distribution != "floodmark" and server.missing() is None]


def load(name: str) -> Server:
    """Read the file of a server. Raises CatalogError for an unknown name or an invalid file."""
    if name not in names():
        hint = did_you_mean(name, names())
        raise CatalogError(f"there is no server {name!r}{hint}; there are: {', '.join(names())}")
    return read(_file(name))


def is_own(name: str) -> bool:
    """Whether a server comes from the user's own folder."""
    return not (SERVERS / f"{name}.toml").is_file()


def _file(name: str) -> Path:
    folder = own_folder() if is_own(name) else None
    return (folder or SERVERS) / f"{name}.toml"


def _stems(folder: Path | None) -> set[str]:
    return {path.stem for path in folder.glob("*.toml")} if folder else set()


def read(path: Path) -> Server:
    """Read and check a server file. Raises CatalogError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogError(f"{path.name}: {error}") from error
    return _Reader(path).server(table)


class _Reader:
    """Turns a parsed file into a Server. Every error names the file and the key."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def server(self, table: dict[str, object]) -> Server:
        rest = dict(table)
        settings = self._settings(self._table(rest, "settings"))
        back = self._table(rest, "read_back")
        server = Server(
            name=self._path.stem,
            title=self._text(rest, "title"),
            distribution=self._text(rest, "distribution"),
            needs=self._texts(rest, "needs"),
            fix=self._text(rest, "fix"),
            command=self._texts(rest, "command"),
            stop_signal=self._signal(self._text(rest, "stop_signal")),
            settings=settings,
            slots=self._formula(rest, "slots", settings),
            processes=self._formula(rest, "processes", settings),
            connections=self._formula(rest, "connections", settings),
            keepalive=self._flag(rest, "keepalive"),
            read_back=self._read_back(back),
            environment={key: str(value) for key, value in self._table(rest, "environment").items()},
            since={key: str(value) for key, value in self._table(rest, "since").items()},
            notes=self._texts(rest, "notes") if "notes" in rest else (),
        )
        self._nothing_left(rest, "")
        self._nothing_left(back, "read_back.")
        self._check_references(server)
        return server

    def _read_back(self, back: dict[str, object]) -> ReadBack:
        """Each fact is a path on the object of the table, or ``{ object = ..., path = ... }`` on another one."""
        default_object = self._text(back, "object")
        read = {}
        for fact, value in self._table(back, "read").items():
            if isinstance(value, dict):
                entry = dict(value)
                read[fact] = Reading(object=self._text(entry, "object"), path=self._text(entry, "path"))
                self._nothing_left(entry, f"read_back.read.{fact}.")
            else:
                read[fact] = Reading(object=default_object, path=str(value))
        return ReadBack(
            read=read,
            expect={key: self._value(key, value) for key, value in self._table(back, "expect").items()},
        )

    def _check_references(self, server: Server) -> None:
        place = Place(host="", port=0, app="", root=SERVERS, scratch=SERVERS)
        self._check_braces([*server.command, *server.environment.values()], {*server.settings, *place.names()})
        expected = [value for value in server.read_back.expect.values() if isinstance(value, str)]
        self._check_braces(expected, server.settings)
        for fact in server.read_back.expect:
            if fact not in server.read_back.read and fact not in {"multithread", "multiprocess"}:
                raise self._error(f"read_back.expect.{fact} is never read; add it to read_back.read")

    def _check_braces(self, texts: Iterable[str], known: Iterable[str]) -> None:
        names = sorted(known)
        for text in texts:
            for _, name, _, _ in Formatter().parse(text):
                if name is not None and name not in names:
                    raise self._error(f"{{{name}}} in {text!r} is not a setting; known: {', '.join(names)}")

    def _settings(self, table: dict[str, object]) -> dict[str, Setting]:
        settings = {}
        for name in table:
            rest = self._table(table, name, keep=True)
            default = self._value(f"settings.{name}.default", rest.pop("default", None))
            setting = Setting(
                name=name,
                default=default,
                minimum=self._optional_int(rest, "min"),
                maximum=self._optional_int(rest, "max"),
                choices=self._texts(rest, "choices") if "choices" in rest else (),
                help=self._text(rest, "help"),
            )
            self._nothing_left(rest, f"settings.{name}.")
            setting.check(default, f"{self._path.name}: settings.{name}")
            settings[name] = setting
        return settings

    def _error(self, text: str) -> CatalogError:
        return CatalogError(f"{self._path.name}: {text}")

    def _table(self, table: dict[str, object], key: str, *, keep: bool = False) -> dict[str, object]:
        value = table.get(key, {}) if keep else table.pop(key, {})
        if not isinstance(value, dict):
            raise self._error(f"{key} must be a table, not {value!r}")
        return dict(value)

    def _text(self, table: dict[str, object], key: str) -> str:
        value = table.pop(key, None)
        if not isinstance(value, str) or not value:
            raise self._error(f"{key} must be text, not {value!r}")
        return value

    def _texts(self, table: dict[str, object], key: str) -> tuple[str, ...]:
        value = table.pop(key, None)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._error(f"{key} must be a list of strings, not {value!r}")
        return tuple(value)

    def _flag(self, table: dict[str, object], key: str) -> bool:
        value = table.pop(key, None)
        if not isinstance(value, bool):
            raise self._error(f"{key} must be true or false, not {value!r}")
        return value

    def _value(self, key: str, value: object) -> Value:
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, int | str):
            raise self._error(f"{key} must be a whole number or text, not {value!r}")
        return value

    def _optional_int(self, table: dict[str, object], key: str) -> int | None:
        value = table.pop(key, None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self._error(f"{key} must be a whole number, not {value!r}")
        return value

    def _formula(self, table: dict[str, object], key: str, settings: Mapping[str, Setting]) -> str | None:
        value = table.pop(key, None)
        if value is None or value == "unlimited":
            return None
        if not isinstance(value, str):
            raise self._error(f"{key} must be a formula over the settings or 'unlimited', not {value!r}")
        try:
            evaluate(value, {name: setting.default for name, setting in settings.items()})
        except FormulaError as error:
            raise self._error(f"{key}: {error}") from error
        return value

    def _signal(self, name: str) -> signal.Signals:
        try:
            return signal.Signals[f"SIG{name}"]
        except KeyError as error:
            raise self._error(f"stop_signal = {name!r} is not a signal; use TERM, INT, QUIT or WINCH") from error

    def _nothing_left(self, table: Mapping[str, object], prefix: str) -> None:
        if table:
            raise self._error(f"unknown key {prefix}{next(iter(table))}")
