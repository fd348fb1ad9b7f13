"""A wave of requests: many clients that each send a request at the same moment."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

TIMEOUT_S = 40.0
STALE = "stale"
"""The kind of error if the server had closed a kept connection. The request is sent again on a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """The result of a wave."""

    started: float
    """Epoch seconds."""
    seconds: float
    """Until the last answer."""
    answered: int
    reused: int
    """Answers on a kept connection."""
    errors: Counter[str] = field(default_factory=Counter)
    """By kind."""


class Client:
    """A user with its own connection, which it keeps if the server permits."""

    def __init__(self, host: str, port: int, path: str, marker: bytes) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        self._path = path
        self._marker = marker

    def close(self) -> None:
        self._connection.close()

    def connect(self) -> None:
        """Connect unless connected. Raises OSError."""
        if self._connection.sock is None:
            self._connection.connect()

    def ask(self) -> tuple[str | None, bool]:
        """Send a request. Returns the kind of error, if any, and whether the connection was a kept one."""
        kept = self._connection.sock is not None
        try:
            return self._ask(), kept
        except (http.client.HTTPException, OSError) as error:
            self.close()
            return type(error).__name__, kept

    def _ask(self) -> str | None:
        self._connection.request("GET", self._path)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != http.HTTPStatus.OK:
            return f"status {response.status}"
        return None if self._marker in body else "wrong body"


class Crowd:
    """Clients that send in waves, each in its own thread."""

    def __init__(self, clients: int, host: str, port: int, path: str, marker: bytes) -> None:
        self._clients = [Client(host, port, path, marker) for _ in range(clients)]
        self._threads = ThreadPoolExecutor(clients, thread_name_prefix="client")
        self._lock = threading.Lock()
        self.outstanding = 0
        """Requests sent but not yet answered."""

    def wave(self, *, fresh: bool) -> Wave:
        """Let all clients send at once, on new connections or on those kept from the last wave."""
        if fresh:
            for client in self._clients:
                client.close()
        barrier = threading.Barrier(len(self._clients) + 1)
        futures = [self._threads.submit(self._send, client, barrier) for client in self._clients]
        barrier.wait()
        started, begun = time.time(), time.monotonic()
        outcomes = [future.result() for future in futures]
        seconds = time.monotonic() - begun
        errors = Counter(kind for kinds, _ in outcomes for kind in kinds)
        failed = sum(bool(kinds) and kinds[-1] != STALE for kinds, _ in outcomes)
        return Wave(
            started=started,
            seconds=seconds,
            answered=len(outcomes) - failed,
            reused=sum(kept and not kinds for kinds, kept in outcomes),
            errors=errors,
        )

    def _send(self, client: Client, barrier: threading.Barrier) -> tuple[list[str], bool]:
        barrier.wait()
        self._count(1)
        try:
            error, kept = client.ask()
            if error is None:
                return [], kept
            if not kept or error == "TimeoutError":
                return [error], kept
            again, _ = client.ask()
            return ([STALE] if again is None else [STALE, again]), False
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self.outstanding += change

    def close(self) -> None:
        self._threads.shutdown()
        for client in self._clients:
            client.close()
