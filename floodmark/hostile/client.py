"""Hostile clients on blocking sockets, each in a thread, or in a greenlet if Locust has patched the sockets."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from floodmark.hostile.row import Kind

CONNECT_TIMEOUT_S = 5.0
DRIP_S = 0.5
"""Interval between bytes that are sent, or reads of a few bytes."""
LOOK_S = 0.1
SIP_BYTES = 64
WINDOW_BYTES = 2048
LARGE_PATH = "/stream?chunks=8&bytes=1000000"
"""The answer is larger than the kernel's buffers, so the server cannot finish sending it."""
BODY_BYTES = 65536
ABORT_AFTER_S, AGAIN_AFTER_S = 0.01, 0.05
ABORTED_PATH = "/io?ms=50"
_LINGER_RESET = struct.pack("ii", 1, 0)


class HostileClient:
    """A hostile client. ``run`` blocks until ``leave``, and does not reconnect if the server closes the connection."""

    def __init__(self, kind: Kind, host: str, port: int) -> None:
        self._kind = kind
        self._address = (host, port)
        self._over = threading.Event()
        self._socket: socket.socket | None = None
        self.settled = threading.Event()
        """Set once its attack is in place, or it could not connect."""
        self.held = False
        """Whether the server keeps its connection open."""
        self.aborted = 0
        """Number of requests sent and aborted."""

    def run(self) -> None:
        try:
            match self._kind:
                case Kind.ABORTED:
                    self._abort_repeatedly()
                case Kind.IDLE_SILENT:
                    self._hold(b"")
                case Kind.IDLE_KEPT:
                    self._hold(self._head("GET", "/hello"))
                case Kind.HALF_HEADER:
                    self._hold(self._head("GET", "/hello")[:-2] + b"X-Slow: ", drip=b"a")
                case Kind.SLOW_BODY:
                    self._hold(self._head("POST", "/upload", f"Content-Length: {BODY_BYTES}"), drip=b"a")
                case Kind.SLOW_READER:
                    self._hold(self._head("GET", LARGE_PATH), sip=True)
        finally:
            self.settled.set()
            self.leave()

    def leave(self) -> None:
        """Stop and close the connection."""
        self._over.set()
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # unlike close, wakes a reader in another thread
            connection.close()

    def _head(self, method: str, path: str, *lines: str) -> bytes:
        host, port = self._address
        return "".join(
            f"{line}\r\n" for line in (f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", *lines, "")
        ).encode()

    def _connect(self) -> socket.socket | None:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        if self._kind is Kind.SLOW_READER:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)  # only effective before connecting
        connection.settimeout(CONNECT_TIMEOUT_S)
        try:
            connection.connect(self._address)
        except OSError:
            connection.close()
            return None
        self._socket = connection
        if self._over.is_set():
            self.leave()
            return None
        return connection

    def _hold(self, first: bytes, *, drip: bytes = b"", sip: bool = False) -> None:
        """Connect, send ``first``, and stay. If the server closes its side, this side stays open."""
        connection = self._connect()
        if connection is None:
            return
        with contextlib.suppress(OSError):
            connection.sendall(first)
            self.held = True
            self.settled.set()
            while not self._over.wait(DRIP_S if drip or sip else LOOK_S):
                if drip:
                    connection.sendall(drip)
                if not self._receive(connection, SIP_BYTES if sip else BODY_BYTES):
                    break
        if not self._over.is_set():
            self.held = False
            self._over.wait()

    @staticmethod
    def _receive(connection: socket.socket, limit: int) -> bool:
        """Read what has arrived, if anything. False if the server has closed the connection. Raises OSError."""
        connection.settimeout(0.001)
        try:
            return bool(connection.recv(limit))
        except TimeoutError:
            return True
        finally:
            connection.settimeout(CONNECT_TIMEOUT_S)

    def _abort_repeatedly(self) -> None:
        """Send requests and reset the connection before the answer, about as often as a user who waits for answers."""
        request = self._head("GET", ABORTED_PATH)
        while not self._over.is_set():
            connection = self._connect()
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.sendall(request)
                    self.aborted += 1
                self.settled.set()
                self._over.wait(ABORT_AFTER_S)
                with contextlib.suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
                connection.close()
            self._over.wait(AGAIN_AFTER_S)


class Gang:
    """Hostile clients of one kind, each in its own thread, from ``enter`` to ``leave``."""

    def __init__(self, kind: Kind, count: int, host: str, port: int) -> None:
        self._clients = [HostileClient(kind, host, port) for _ in range(count)]
        self._threads = [threading.Thread(target=c.run, name="hostile", daemon=True) for c in self._clients]

    @property
    def held(self) -> int:
        """Number of connections that the server keeps open."""
        return sum(client.held for client in self._clients)

    @property
    def aborted(self) -> int:
        return sum(client.aborted for client in self._clients)

    def enter(self) -> None:
        """Start all clients. Returns when every attack is in place."""
        for thread in self._threads:
            thread.start()
        for client in self._clients:
            client.settled.wait(2 * CONNECT_TIMEOUT_S)

    def leave(self) -> None:
        """Stop all clients at once."""
        for client in self._clients:
            client.leave()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
