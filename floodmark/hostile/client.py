"""Hostile clients, on blocking sockets: a thread each, or a greenlet each in a Locust that has patched them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from floodmark.hostile.row import Kind

CONNECT_TIMEOUT_S = 5.0
DRIP_S = 0.5
"""One byte is sent, or a few are read, this often."""
LOOK_S = 0.1
SIP_BYTES = 64
WINDOW_BYTES = 2048
LARGE_PATH = "/stream?chunks=8&bytes=1000000"
"""More than the kernel's buffers hold, so the server cannot get rid of the answer."""
BODY_BYTES = 65536
ABORT_AFTER_S, AGAIN_AFTER_S = 0.01, 0.05
ABORTED_PATH = "/io?ms=50"
_LINGER_RESET = struct.pack("ii", 1, 0)


class HostileClient:
    """One client of one kind. ``run`` blocks until ``leave``, and does not come back by itself once it is shown out."""

    def __init__(self, kind: Kind, host: str, port: int) -> None:
        self._kind = kind
        self._address = (host, port)
        self._over = threading.Event()
        self._socket: socket.socket | None = None
        self.settled = threading.Event()
        """Set once it does what it does, or could not connect."""
        self.held = False
        """Whether the server keeps its connection."""
        self.aborted = 0
        """Requests sent and given up."""

    def run(self) -> None:
        try:
            match self._kind:
                case Kind.ABORTED:
                    self._abort_again_and_again()
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
        """Give up and close the connection."""
        self._over.set()
        mine, self._socket = self._socket, None
        if mine is not None:
            with contextlib.suppress(OSError):
                mine.shutdown(socket.SHUT_RDWR)  # wakes a reader in another thread, which close does not
            mine.close()

    def _head(self, method: str, path: str, *lines: str) -> bytes:
        host, port = self._address
        return "".join(
            f"{line}\r\n" for line in (f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", *lines, "")
        ).encode()

    def _connect(self) -> socket.socket | None:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        if self._kind is Kind.SLOW_READER:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)  # counts only before connecting
        made.settimeout(CONNECT_TIMEOUT_S)
        try:
            made.connect(self._address)
        except OSError:
            made.close()
            return None
        self._socket = made
        if self._over.is_set():
            self.leave()
            return None
        return made

    def _hold(self, first: bytes, *, drip: bytes = b"", sip: bool = False) -> None:
        """Connect, send ``first``, and stay. When the server ends the connection, our side of it stays open."""
        mine = self._connect()
        if mine is None:
            return
        with contextlib.suppress(OSError):
            mine.sendall(first)
            self.held = True
            self.settled.set()
            while not self._over.wait(DRIP_S if drip or sip else LOOK_S):
                if drip:
                    mine.sendall(drip)
                if not self._receive(mine, SIP_BYTES if sip else BODY_BYTES):
                    break
        if not self._over.is_set():
            self.held = False
            self._over.wait()

    @staticmethod
    def _receive(mine: socket.socket, limit: int) -> bool:
        """Take what has come, if anything; False when the server has ended the connection. Raises OSError."""
        mine.settimeout(0.001)
        try:
            return bool(mine.recv(limit))
        except TimeoutError:
            return True
        finally:
            mine.settimeout(CONNECT_TIMEOUT_S)

    def _abort_again_and_again(self) -> None:
        """Ask, and reset the connection before the answer; as often as a user who waits for answers asks."""
        request = self._head("GET", ABORTED_PATH)
        while not self._over.is_set():
            mine = self._connect()
            if mine is not None:
                with contextlib.suppress(OSError):
                    mine.sendall(request)
                    self.aborted += 1
                self.settled.set()
                self._over.wait(ABORT_AFTER_S)
                with contextlib.suppress(OSError):
                    mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
                mine.close()
            self._over.wait(AGAIN_AFTER_S)


class Gang:
    """Hostile clients of one kind, a thread each, from ``enter`` to ``leave``."""

    def __init__(self, kind: Kind, count: int, host: str, port: int) -> None:
        self._clients = [HostileClient(kind, host, port) for _ in range(count)]
        self._threads = [threading.Thread(target=c.run, name="hostile", daemon=True) for c in self._clients]

    @property
    def held(self) -> int:
        """Connections that the server keeps."""
        return sum(client.held for client in self._clients)

    @property
    def aborted(self) -> int:
        return sum(client.aborted for client in self._clients)

    def enter(self) -> None:
        """Returns when every client has taken its place."""
        for thread in self._threads:
            thread.start()
        for client in self._clients:
            client.settled.wait(2 * CONNECT_TIMEOUT_S)

    def leave(self) -> None:
        """All at once."""
        for client in self._clients:
            client.leave()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
