"""The kernel's own list of TCP sockets, by netlink: a table of all sockets is never read (sock_diag(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
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
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True, slots=True)
class Listeners:
    """All listeners of a port together: some servers have one for each worker.

    waiting: connections in their accept queues; limit: of the shortest of these; fullest: share of its limit that the
    fullest holds.
    """

    waiting: int
    limit: int
    fullest: float


class SockDiag:
    """Asks for the sockets of one local port. Raises OSError where the kernel has no sock_diag."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
        self._socket.settimeout(1.0)
        try:
            self.listeners()
        except OSError:
            self._socket.close()
            raise

    def listeners(self) -> Listeners | None:
        """The accept queues now; None where nobody listens here. Raises OSError."""
        rows = [(queue, limit) for queue, limit, _ in self._rows(_LISTEN)]
        if not rows:
            return None
        return Listeners(
            waiting=sum(queue for queue, _ in rows),
            limit=min(limit for _, limit in rows),
            fullest=max(queue / max(1, limit) for queue, limit in rows),
        )

    def accepted(self) -> int:
        """Connections that the server holds: those in an accept queue have no inode yet. Raises OSError."""
        return sum(inode != 0 for _, _, inode in self._rows(_ESTABLISHED))

    def close(self) -> None:
        self._socket.close()

    def _rows(self, states: int) -> Iterator[tuple[int, int, int]]:
        for family in _FAMILIES:
            body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, states) + _ID.pack(self._port)
            self._socket.send(_HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST_DUMP, 0, 0) + body)
            yield from self._answer()

    def _answer(self) -> Iterator[tuple[int, int, int]]:
        while True:
            data = self._socket.recv(1 << 17)
            rows, done = parse(data)
            yield from rows
            if done:
                return


def parse(data: bytes) -> tuple[list[tuple[int, int, int]], bool]:
    """Receive queue, send queue and inode of each socket in a netlink answer, and whether it is the last.

    Raises OSError for an error message.
    """
    rows: list[tuple[int, int, int]] = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if kind == _DONE:
            return rows, True
        if kind == _ERROR:
            (number,) = struct.unpack_from("=i", data, offset + _HEADER.size)
            raise OSError(-number, "sock_diag was refused")
        *_, queue, limit, _, inode = _MESSAGE.unpack_from(data, offset + _HEADER.size)
        rows.append((queue, limit, inode))
        offset += (length + 3) & ~3
    return rows, False
