"""Well-behaved clients: a few users who send short requests, each on a new connection."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time

from floodmark.hostile.row import Asked

PATH, MARKER = "/io?ms=50", b"floodmark:io"
LONGEST_S = 30.0
AFTER_ERROR_S = 0.05


class Visitors:
    """Users in threads, from ``start`` to ``stop``. Every request opens a connection, as from a new visitor."""

    def __init__(self, users: int, host: str, port: int) -> None:
        self.users = users
        self._host, self._port = host, port
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._done: list[Asked] = []
        self._waiting: dict[int, Asked] = {}
        self._connections: dict[int, http.client.HTTPConnection] = {}
        self._threads = [
            threading.Thread(target=self._visit, args=(n,), name="visitor", daemon=True) for n in range(users)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def asked(self) -> list[Asked]:
        """All requests so far, including those that wait for their answer."""
        with self._lock:
            return [*self._done, *self._waiting.values()]

    def stop(self) -> None:
        """Stop all users. Those that wait leave without their answer."""
        self._over.set()
        with self._lock:
            for connection in self._connections.values():
                if connection.sock is not None:
                    with contextlib.suppress(OSError):
                        connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(LONGEST_S)

    def _visit(self, user: int) -> None:
        while not self._over.is_set():
            connection = http.client.HTTPConnection(self._host, self._port, timeout=LONGEST_S)
            sent = time.monotonic()
            with self._lock:
                self._waiting[user] = Asked(user=user, sent=sent)
                self._connections[user] = connection
            error = _ask(connection)
            answered = time.monotonic()
            with self._lock:
                unanswered = self._waiting.pop(user)
                cut_short = self._over.is_set()  # by stop: it never got its answer
                self._done.append(
                    unanswered if cut_short else Asked(user=user, sent=sent, answered=answered, error=error)
                )
            if error:
                self._over.wait(AFTER_ERROR_S)


def _ask(connection: http.client.HTTPConnection) -> str:
    """Send a request. Returns the kind of error, or an empty string."""
    try:
        connection.request("GET", PATH, headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        return f"status {answer.status}"
    return "" if MARKER in body else "wrong body"
