"""A server that answers by script, on gevent: each connection is handled by a plain function."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gevent.server import StreamServer

Handler = Callable[["Peer"], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


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
        while len(rest) < length:
            data = self.socket.recv(65536)
            if not data:
                return None
            rest += data
        self.pending = rest[length:]
        message = head + b"\r\n\r\n" + rest[:length]
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
