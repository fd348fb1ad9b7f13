"""What arrives for the connections of all users, and what they send next: one private epoll, which Locust's loop
watches as one.

A watcher of gevent's for each connection would cost about a microsecond more per request. And a turn first receives
for everybody, then lets one user after the other go on, then sends what they have to send: the kernel's ways and
Python's do not both fit into a CPU's caches, and a server that sleeps is woken once for many requests.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import gevent.monkey
from gevent import get_hub

from floodmark.load.wire import STAMP_SPACE

if TYPE_CHECKING:
    import _socket

Arrived = tuple[bytes, list[tuple[int, int, bytes]], int, Any]
"""As ``socket.recvmsg`` returns it."""

_READ = 1  # EPOLLIN, and libev's EV_READ
PER_TURN = 128
"""Users that go on before Locust's loop gets its turn."""
A_FEW, PATIENCE_S = 16, 0.002
"""What is to be sent waits for this many users to go on, or for as many as do within this time."""
_epoll: Callable[[], Any] = gevent.monkey.get_original("select", "epoll")


class Awaiting(Protocol):
    """A connection. reading: its ``greenlet`` waits to be switched to, once ``arrived`` or ``failed`` was set.

    receive: its socket's recvmsg. room_bytes: how much it takes at once.
    """

    reading: bool
    greenlet: Any
    arrived: Arrived | None
    failed: BaseException | None
    receive: Callable[[int, int], Arrived]
    room_bytes: int

    def unasked(self) -> None:
        """Something came that nobody was waiting for, or the server closed."""


class Departing(Awaiting, Protocol):
    """A connection whose request is to be sent. asked: since when, epoch s."""

    asked: float

    def depart(self) -> bool:
        """Send it, if it still waits; False where the greenlet has to see to it."""


class Reactor:
    """One per process, in Locust's loop; ``inbox()`` is it.

    turning: users go on one after the other, and leave in ``outgoing`` what is to be sent after them. Connections that
    they close are closed then, too.
    """

    def __init__(self) -> None:
        self.hub = get_hub()
        self.turning = False
        self.outgoing: deque[Departing] = deque()
        self._closing: list[_socket.socket] = []
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

    def discard(self, sock: _socket.socket) -> None:
        """Close a socket: with the others, where a turn is on."""
        if self.turning:
            self._closing.append(sock)
        else:
            sock.close()

    def _turn(self) -> None:
        """In Locust's loop: something has arrived. Raises nothing, and be it a Ctrl-C: gevent would stop to watch."""
        try:
            self._go_on(self._receive())
        except BaseException:
            self.hub.handle_error(self, *sys.exc_info())
        finally:
            self.turning = False

    def _go_on(self, awaited: list[Awaiting]) -> None:
        outgoing = self.outgoing
        self.turning = True
        for number, connection in enumerate(awaited):
            if connection.reading:
                connection.reading = False
                try:
                    connection.greenlet.switch()
                except BaseException:
                    self._report(connection)
            if number % A_FEW == A_FEW - 1 and outgoing and time.time() - outgoing[0].asked > PATIENCE_S:
                self._send_on()
        self._send_on()

    def _receive(self) -> list[Awaiting]:
        """Whose greenlets can go on."""
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
        return awaited

    def _send_on(self) -> None:
        """Close and send what those who went on have left."""
        closing, outgoing = self._closing, self.outgoing
        while closing or outgoing:
            while closing:
                closing.pop().close()
            while outgoing:
                connection = outgoing.popleft()
                try:
                    if connection.depart():
                        continue
                except BaseException as error:
                    connection.failed = error
                connection.arrived = None
                connection.reading = False
                try:
                    connection.greenlet.switch()
                except BaseException:
                    self._report(connection)

    def _report(self, connection: Awaiting) -> None:
        """Somebody's own greenlet, not one of Locust's or gevent's, ended in an exception."""
        self.hub.handle_error(connection.greenlet, *sys.exc_info())


_inbox: Reactor | None = None


def reactor() -> Reactor:
    """The inbox of this process."""
    global _inbox
    if _inbox is None or _inbox.hub is not get_hub():
        _inbox = Reactor()
    return _inbox
