"""A wave: so many clients that all send one request at the same moment."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

TIMEOUT_S = 40.0
STALE = "stale"
"""A kept connection that the server had closed: the request is sent again on a new one, and counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """started: epoch s. seconds: until the last answer. errors: by kind. reused: answers on a kept connection."""

    started: float
    seconds: float
    answered: int
    reused: int
    errors: Counter[str] = field(default_factory=Counter)


class Client:
    """One user with a connection of its own, which is kept where the server lets it."""

    def __init__(self, host: str, port: int, path: str, marker: bytes) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        self._path = path
        self._marker = marker

    def close(self) -> None:
        self._connection.close()

    def connect(self) -> None:
        """Connect, if there is no connection. Raises OSError."""
        if self._connection.sock is None:
            self._connection.connect()

    def ask(self) -> tuple[str | None, bool]:
        """One request. Returns what went wrong, and whether the connection had been used before."""
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
    """Clients that send in waves, a thread each."""

    def __init__(self, clients: int, host: str, port: int, path: str, marker: bytes) -> None:
        self._clients = [Client(host, port, path, marker) for _ in range(clients)]
        self._threads = ThreadPoolExecutor(clients, thread_name_prefix="client")
        self._lock = threading.Lock()
        self.outstanding = 0
        """Requests that were sent and not yet answered."""

    def wave(self, *, fresh: bool) -> Wave:
        """Everybody sends at once, on a new connection or on the one kept from the last wave."""
        if fresh:
            for client in self._clients:
                client.close()
        barrier = threading.Barrier(len(self._clients) + 1)
        futures = [self._threads.submit(self._one, client, barrier) for client in self._clients]
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

    def _one(self, client: Client, barrier: threading.Barrier) -> tuple[list[str], bool]:
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
