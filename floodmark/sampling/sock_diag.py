"""Queries the TCP sockets of a port by netlink (sock_diag(7)), which avoids reading the table of all sockets."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_SOCK_DIAG, _BY_FAMILY = 4, 20
_REQUEST_DUMP = 0x001 | 0x300
_ERROR, _DONE = 2, 3
_ESTABLISHED, _LISTEN = 1 << 1, 1 << 10
_HEADER = struct.Struct("=IHHII")
# family, protocol, extensions, pad, states; then the socket's id, of which only the local port is asked for.
_REQUEST = struct.Struct("=BBBxI")
_ID = struct.Struct("!H46x")
# family, state, timer, retransmits, id, expires, receive queue, send queue, uid, inode
_MESSAGE = struct.Struct("=4B48sIIIII")

Row = tuple[int, int, int]
"""Receive queue, send queue and inode of a socket. For a listener, the queues are its accept queue and its limit."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """All listeners of a port together; some servers have one per worker."""

    waiting: int
    """Connections in all accept queues."""
    limit: int
    """The smallest limit of an accept queue."""


class SockDiag:
    """Queries the sockets of a local port. Raises OSError if the kernel has no sock_diag."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sequence = 0
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
        self._socket.settimeout(1.0)
        refused: OSError | None = None
        self._families = []
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                self._ask(family, _LISTEN)
                self._families.append(family)
            except OSError as error:  # a kernel without IPv6
                refused = error
        if not self._families:
            self._socket.close()
            assert refused is not None
            raise refused

    def listeners(self) -> Listeners | None:
        """The accept queues now; None without a listener. Raises OSError."""
        rows = [(queue, limit) for queue, limit, _ in self._rows(_LISTEN)]
        if not rows:
            return None
        return Listeners(waiting=sum(queue for queue, _ in rows), limit=min(limit for _, limit in rows))

    def accepted(self) -> int:
        """The connections that the server has accepted. Those in an accept queue have no inode yet. Raises OSError."""
        return sum(inode != 0 for _, _, inode in self._rows(_ESTABLISHED))

    def close(self) -> None:
        self._socket.close()

    def _rows(self, states: int) -> list[Row]:
        return [row for family in self._families for row in self._ask(family, states)]

    def _ask(self, family: int, states: int) -> list[Row]:
        self._sequence += 1
        body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, states) + _ID.pack(self._port)
        head = _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST_DUMP, self._sequence, 0)
        self._socket.send(head + body)
        rows: list[Row] = []
        done = False
        while not done:
            more, done = parse(self._socket.recv(1 << 17), self._sequence)
            rows += more
        return rows


def parse(data: bytes, sequence: int) -> tuple[list[Row], bool]:
    """Parse the sockets in a netlink answer, and whether it is the last. Answers to other requests are ignored.

    Raises OSError for an error message.
    """
    rows: list[Row] = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, answers, _ = _HEADER.unpack_from(data, offset)
        if answers == sequence:
            if kind == _DONE:
                return rows, True
            if kind == _ERROR:
                (number,) = struct.unpack_from("=i", data, offset + _HEADER.size)
                raise OSError(-number, "sock_diag was refused")
            *_, queue, limit, _, inode = _MESSAGE.unpack_from(data, offset + _HEADER.size)
            rows.append((queue, limit, inode))
        offset += max(_HEADER.size, (length + 3) & ~3)
    return rows, False
