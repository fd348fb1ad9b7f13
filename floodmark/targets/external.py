"""A server that is already running: it is neither started nor stopped."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import psutil

from floodmark.errors import TargetError, UsageError
from floodmark.targets import ready
from floodmark.targets.target import Check, Effective, Handle


class RunningExternal:
    """Any HTTP server behind a URL. With ``pid``, its processes are sampled."""

    ledger_path = None
    image_digest = None
    memory_enforced = False

    def __init__(self, url: str, pid: int | None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise UsageError(f"--url {url!r}: must be http://HOST[:PORT][/path]")
        self.base_url = f"http://{parts.netloc}"
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.effective = Effective()
        self._pid = pid
        if pid is not None and not psutil.pid_exists(pid):
            raise UsageError(f"--pid {pid}: no such process")
        try:
            ready.ask(parts.hostname, parts.port or 80, Check(path=self.path, marker=None))
        except (OSError, http.client.HTTPException) as error:
            raise TargetError(f"{url} does not answer: {error}; is the server running?") from error

    def root_pids(self) -> list[int]:
        return [] if self._pid is None else [self._pid]

    def ended(self) -> str | None:
        if self._pid is not None and not psutil.pid_exists(self._pid):
            return f"process {self._pid} is gone"
        return None

    def log(self) -> str:
        return ""

    def handle(self) -> Handle:
        return Handle(backend="external")

    def down(self) -> None:
        pass
