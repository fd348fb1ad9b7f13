"""What goes over the wire: addresses, raw sockets, kernel receive stamps, request bytes."""

from __future__ import annotations

import _socket
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gevent.lock import BoundedSemaphore

from floodmark.load.failure import ConnectionRefused

FEW_BYTES = 448
"""Room for an answer that says little, small enough for the memory that Python keeps at hand."""
_MORE_BYTES = {FEW_BYTES: 4096, 4096: 65536}
STAMPS = sys.platform == "linux"
"""Whether the kernel tells when an answer came."""
STAMP = struct.Struct("qq")
STAMP_SPACE = socket.CMSG_SPACE(STAMP.size)
_SO_TIMESTAMPNS = 35
_INT = struct.Struct("i")
_STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
_SOL_SOCKET = int(socket.SOL_SOCKET)
_IN_ONE_SEGMENT = 1400
"""Request bytes that surely leave in one segment: Nagle's algorithm cannot hold them back."""


class Address(NamedTuple):
    """Where to connect, resolved once."""

    family: int
    sockaddr: tuple[Any, ...]


class Origin(NamedTuple):
    """A base URL taken apart."""

    base_url: str
    host: str
    port: int
    tls: bool
    netloc: str
    prefix: str
    """Path that stands before every request's own."""

    def message(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """The bytes of one request. Raises ValueError for a line break or blank where none may be."""
        target = self.prefix + path
        fields = {"Host": self.netloc, "User-Agent": "floodmark", "Accept": "*/*", **(headers or {})}
        if any(c in target for c in " \r\n") or any("\r" in v or "\n" in v for v in fields.values()):
            raise ValueError(f"a line break or blank in {target!r} or its headers; quote it")
        if body or method in {"POST", "PUT", "PATCH"}:
            fields["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def origin(base_url: str) -> Origin:
    """Take a base URL apart. Raises ValueError for one that is not http(s)://NAME[:PORT][/PREFIX]."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"host {base_url!r}: must be http://NAME[:PORT] or https://NAME[:PORT]")
    tls = parts.scheme == "https"
    return Origin(
        base_url=f"{parts.scheme}://{parts.netloc}",
        host=parts.hostname,
        port=parts.port or (443 if tls else 80),
        tls=tls,
        netloc=parts.netloc.rpartition("@")[2],
        prefix=parts.path.rstrip("/"),
    )


_resolved: dict[tuple[str, int], Address] = {}
_resolving = BoundedSemaphore()


def resolve(host: str, port: int) -> Address:
    """Resolve a name once, for all connections. Raises ConnectionRefused for one that does not resolve."""
    address = _resolved.get((host, port))
    if address is not None:
        return address
    with _resolving:  # other users run while the resolver is asked
        address = _resolved.get((host, port))
        if address is None:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                raise ConnectionRefused(f"{host} does not resolve: {error}") from error
            address = _resolved[host, port] = Address(found[0][0], found[0][4])
    return address


def open_socket(family: int, *, longest_bytes: int) -> _socket.socket:
    """A raw non-blocking TCP socket that stamps what it receives, where the kernel can.

    longest_bytes: of the longest request that will be sent in one piece.
    """
    sock = _socket.socket(family, _STREAM)  # gevent's own would add its waiting on top of ours
    if longest_bytes > _IN_ONE_SEGMENT:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if STAMPS:
        sock.setsockopt(_SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return sock


def more_room(room_bytes: int) -> int:
    """How much to receive at once after ``room_bytes`` were filled. No more than needed: each answer allocates it."""
    return _MORE_BYTES.get(room_bytes, room_bytes)


def unread_by_peer(sock: _socket.socket) -> bool:
    """After an orderly close of a reused connection: was our request reset, or is it still unacknowledged?"""
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        return True
    waiting = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, _INT.pack(0))
    return bool(_INT.unpack(waiting)[0])
