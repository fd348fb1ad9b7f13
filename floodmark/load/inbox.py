"""What arrives for the connections of all users: one private epoll, which Locust's loop watches as one.

A watcher of gevent's for each connection would cost about a microsecond more per request. And a turn first receives
for everybody, then lets one user after the other go on: the kernel's ways and Python's do not both fit into a CPU's
caches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gevent.monkey
from gevent import get_hub

from floodmark.load.wire import STAMP_SPACE

Arrived = tuple[bytes, list[tuple[int, int, bytes]], int, Any]
"""As ``socket.recvmsg`` returns it."""

_READ = 1  # EPOLLIN, and libev's EV_READ
PER_TURN = 128
"""Users that go on before Locust's loop gets its turn."""
_epoll: Callable[[], Any] = gevent.monkey.get_original("select", "epoll")


class Awaiting(Protocol):
    """A connection. reading: its ``greenlet`` waits to be switched to, once ``arrived`` or ``failed`` was set.

    receive: its socket's recvmsg. room_bytes: how much it takes at once.
    """

    reading: bool
    greenlet: Any
    arrived: Arrived | None
    failed: OSError | None
    receive: Callable[[int, int], Arrived]
    room_bytes: int

    def unasked(self) -> None:
        """Something came that nobody was waiting for, or the server closed."""


class Inbox:
    """One per process, in Locust's loop; ``inbox()`` is it."""

    def __init__(self) -> None:
        self.hub = get_hub()
        self._epoll = _epoll()
        self._watched: dict[int, Awaiting] = {}
        self._watcher = self.hub.loop.io(self._epoll.fileno(), _READ)
        self._watcher.start(self._turn)

    def watch(self, fd: int, connection: Awaiting) -> None:
        self._watched[fd] = connection
        self._epoll.register(fd, _READ)

    def unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def forget(self, fd: int) -> None:
        """A socket is about to be closed; the kernel takes it out of the epoll by itself."""
        self._watched.pop(fd, None)

    def _turn(self) -> None:
        """In Locust's loop: something has arrived."""
        find = self._watched.get
        awaited = []
        for fd, _ in self._epoll.poll(0, PER_TURN):
            connection = find(fd)
            if connection is None:
                continue  # closed here, but not by a process that was forked from this one
            if not connection.reading:
                connection.unasked()
                continue
            receive = connection.receive
            try:
                connection.arrived = receive(connection.room_bytes, STAMP_SPACE)
            except BlockingIOError:
                continue
            except OSError as error:
                connection.arrived, connection.failed = None, error
            awaited.append(connection)
        for connection in awaited:
            if connection.reading:
                connection.reading = False
                connection.greenlet.switch()


_inbox: Inbox | None = None


def inbox() -> Inbox:
    """The inbox of this process."""
    global _inbox
    if _inbox is None or _inbox.hub is not get_hub():
        _inbox = Inbox()
    return _inbox
