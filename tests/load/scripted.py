"""A server that answers by script, on gevent: each connection is handled by a plain function."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.server import StreamServer

Handler = Callable[["Peer"], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FRAMINGS = {
    "length": (OK, b"ok"),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
    "chunked with trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
        b"ok",
    ),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"ok"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "large": (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000, b"x" * 300_000),
}
"""Answers, and the bodies that they have."""


@dataclass
class Peer:
    """One accepted connection."""

    socket: Any
    number: int
    requests: list[bytes]
    pending: bytes = b""

    def request(self) -> bytes | None:
        """The next request, head and body; None when the client closed."""
        while b"\r\n\r\n" not in self.pending:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.pending += data
        head, _, rest = self.pending.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = bytearray(rest)
        while len(body) < length:
            data = self.socket.recv(65536)
            if not data:
                return None
            body += data
        self.pending = bytes(body[length:])
        message = head + b"\r\n\r\n" + bytes(body[:length])
        self.requests.append(message)
        return message

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)


@dataclass
class Scripted:
    """The running server and what it saw."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextlib.contextmanager
def scripted(handler: Handler) -> Iterator[Scripted]:
    """Serve every connection with ``handler``; the connection is closed when it returns."""
    seen = Scripted("")

    def accept(socket: Any, _address: Any) -> None:
        seen.connections += 1
        with contextlib.suppress(OSError):
            handler(Peer(socket, seen.connections, seen.requests))

    server = StreamServer(("127.0.0.1", 0), accept)
    server.start()
    seen.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield seen
    finally:
        server.stop(timeout=1)


def always(answer: bytes) -> Handler:
    """Give every request on every connection the same answer."""

    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(answer)

    return handle


def once(answer: bytes) -> Handler:
    """Answer one request, then close."""

    def handle(peer: Peer) -> None:
        if peer.request() is not None:
            peer.send(answer)

    return handle


def in_turn(*answers: bytes) -> Handler:
    """Answer the first requests on a connection by these, one each, then close."""

    def handle(peer: Peer) -> None:
        for answer in answers:
            if peer.request() is None:
                return
            peer.send(answer)

    return handle


def after(seconds: float, answer: bytes = OK) -> Handler:
    """Take so long for every answer."""

    def handle(peer: Peer) -> None:
        while peer.request() is not None:
            gevent.sleep(seconds)
            peer.send(answer)

    return handle


def too_large(peer: Peer) -> None:
    """Answers small requests; of a large one it reads a part, answers, and closes."""
    while True:
        while b"\r\n\r\n" not in peer.pending:
            data = peer.socket.recv(65536)
            if not data:
                return
            peer.pending += data
        if b"Content-Length" in peer.pending:
            peer.send(b"HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno")
            return
        peer.request()
        peer.send(OK)


def reset(peer: Peer) -> None:
    """Have the connection reset, instead of closed in good order, when it is closed."""
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
