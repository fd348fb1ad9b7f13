"""A WSGI wrapper for any app: counts the requests inside it, and reports the configuration in force.

Environment variables enable both: ``FLOODMARK_LEDGER`` is the shared-memory file for the counts, ``FLOODMARK_SERVER``
the server whose ``read_back`` says what to report.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import platform
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from target_apps import catalog
from target_apps.ledger import Ledger, Slot
from target_apps.server import CatalogError, Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EFFECTIVE_PATH = "/-/floodmark/effective"
_MADV_WIPEONFORK = 18  # linux/mman.h, since Linux 4.14


class Probe:
    """Wraps ``app``, and is a WSGI application itself."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        path = os.environ.get("FLOODMARK_LEDGER")
        self._ledger = Ledger(Path(path)) if path else None
        self._claiming = threading.Lock()
        self._slot: Slot | None = None
        self._pid = 0
        self._claimed = _wiped_on_fork()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == EFFECTIVE_PATH:
            return _report(environ, start_response)
        slot = self._slot if self._claimed[0] else self._own_slot()
        if slot is None:
            return self._app(environ, start_response)
        start_ns = slot.enter()
        try:
            body = self._app(environ, start_response)
        except BaseException:
            slot.leave(start_ns)
            raise
        return _SizedBody(body, slot, start_ns) if hasattr(body, "__len__") else _Body(body, slot, start_ns)

    def _own_slot(self) -> Slot | None:
        if self._ledger is None:
            return None
        pid = os.getpid()
        with self._claiming:
            if pid != self._pid:
                self._slot = self._ledger.claim()
                self._pid = pid
                if isinstance(self._claimed, mmap.mmap):
                    self._claimed[0] = 1
        return self._slot


def _wiped_on_fork() -> mmap.mmap | bytes:
    """A byte that is reset to 0 in every child process, or always 0 if the kernel has no such memory.

    Getting the pid on every request is a system call and would cost more than all the counting.
    ``os.register_at_fork`` does not suffice, because uWSGI forks in C, bypassing Python's hooks.
    """
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(_MADV_WIPEONFORK)
    except (AttributeError, OSError, ValueError):
        return b"\0"
    return page


class _Body:
    """The body of the app's answer. The request leaves the app when the server closes the body."""

    __slots__ = ("_body", "_slot", "_start_ns")

    def __init__(self, body: Iterable[bytes], slot: Slot, start_ns: int) -> None:
        self._body = body
        self._slot: Slot | None = slot
        self._start_ns = start_ns

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            slot, self._slot = self._slot, None
            if slot is not None:
                slot.leave(self._start_ns)


class _SizedBody(_Body):
    """A body with a length, because servers derive Content-Length if there is a single part."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]


def _report(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    # Hold the request for a moment, so that a burst of them reaches every worker.
    time.sleep(min(1000, int(parse_qs(environ.get("QUERY_STRING", "")).get("hold_ms", ["0"])[0])) / 1000)
    try:
        server = catalog.load(os.environ.get("FLOODMARK_SERVER", ""))
        facts: dict[str, object] = {"facts": effective(server, environ), "version": server.version()}
        status = "200 OK"
    except (CatalogError, LookupError, AttributeError) as error:
        facts, status = {"error": f"{type(error).__name__}: {error}"}, "500 Internal Server Error"
    process = {"pid": os.getpid(), "parent": os.getppid(), "python": platform.python_version()}
    body = json.dumps({**process, **facts}).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def effective(server: Server, environ: WSGIEnvironment) -> dict[str, object]:
    """The configuration in force in this process, as described by ``read_back`` in the server file.

    Raises LookupError or AttributeError if the server is not as its file says.
    """
    readings = server.read_back.read
    objects = {name: find_object(name) for name in {reading.object for reading in readings.values()}}
    facts = {fact: _plain(_follow(objects[reading.object], reading.path)) for fact, reading in readings.items()}
    facts["multithread"] = _plain(environ["wsgi.multithread"])
    facts["multiprocess"] = _plain(environ["wsgi.multiprocess"])
    return facts


def find_object(name: str) -> object:
    """The live instance of ``package.module:Class`` in this process, the local variables of a call of
    ``package.module:function()`` in progress, or the module itself.

    Raises LookupError if the module is not loaded, or if there is no live instance or no such call.
    """
    module_name, _, rest = name.partition(":")
    module = sys.modules.get(module_name)
    if module is None:
        if rest:
            raise LookupError(f"{module_name} is not loaded in this process")
        return import_module(module_name)
    if not rest:
        return module
    if rest.endswith("()"):
        return _locals(module_name, rest.removesuffix("()"))
    kind = getattr(module, rest)
    for candidate in gc.get_objects():
        # Not isinstance(), because that would run the code of proxy objects.
        if issubclass(type(candidate), kind):
            return candidate
    raise LookupError(f"there is no instance of {name} in this process")


def _locals(module_name: str, function: str) -> dict[str, object]:
    """The local variables of a call in progress in any thread."""
    for top in sys._current_frames().values():  # noqa: SLF001 (documented, for debuggers)
        frame: FrameType | None = top
        while frame is not None:
            if frame.f_code.co_qualname == function and frame.f_globals.get("__name__") == module_name:
                return dict(frame.f_locals)
            frame = frame.f_back
    raise LookupError(f"no call of {module_name}:{function} is in progress in this process")


def _follow(value: object, path: str) -> object:
    for part in path.split("."):
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    return value


def _plain(value: object) -> object:
    match value:
        case bool():
            return str(value).lower()
        case bytes():
            return _plain(value.decode(errors="replace"))
        case str() if value.isdecimal():
            return int(value)
        case int() | str() | None:
            return value
        case float():
            return int(value) if value.is_integer() else str(value)
        case _:
            return str(value)
