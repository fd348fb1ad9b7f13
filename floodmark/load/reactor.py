"""The event loop of all HTTP connections of a process: one epoll and one timer, which Locust's loop watches as one.

A watcher of gevent's for each connection would cost about a microsecond more per request. A turn first receives for
all connections, then tells the owner of each what came of it, then closes and sends what they have left to be closed
and sent. This order saves a fifth of the cost: the kernel's code paths and Python's do not both fit into a CPU's
caches, and a server that sleeps is woken once for many requests. After each turn Locust's loop goes on: its timers, web
UI and messages are served between two turns, however busy the connections are.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import gevent.monkey
from gevent import get_hub

from floodmark.load.timerfd import TimerFd

if TYPE_CHECKING:
    import _socket

PER_TURN = 128
"""Sockets that are served before Locust's loop gets its turn."""
A_FEW, PATIENCE_S = 16, 0.002
"""What is to be sent waits for this many owners to be told, or for as many as are told within this time."""
SCAN_S = 0.25
"""How often time-outs are looked for. A timer per request would cost a third of the rate."""
_READ, _WRITE = 1, 4  # EPOLLIN, EPOLLOUT
_EV_READ = 1  # libev's
_epoll: Callable[[], Any] = gevent.monkey.get_original("select", "epoll")


class Connection(Protocol):
    """What the reactor serves. All its methods are called in the hub, and must not wait."""

    def receive(self) -> None:
        """The socket can be read, or has failed."""

    def send_rest(self) -> None:
        """The socket can be written, or has failed."""

    def check_timeouts(self, now: float) -> None:
        """Give up a request that has had its time. now: epoch s."""


class Timed(Protocol):
    """Something to be called at a time."""

    ticket: int
    """Names the date it has; 0 is none. The reactor sets it. Whoever sets it to 0 cancels the date."""

    def ring(self, now: float) -> None:
        """The time has come: ``now``, epoch s. Called in the hub; must not wait."""


class Deferred(Protocol):
    """Work that is left until all owners were told of what was received in a turn."""

    asked: float
    """When it was left, epoch s."""

    def proceed(self) -> None:
        """Do the work. Called in the hub; must not wait."""

    def failed(self, error: BaseException) -> None:
        """``proceed`` has raised ``error``."""


class Reactor:
    """One per process: ``reactor()`` returns it."""

    def __init__(self) -> None:
        self.hub = get_hub()
        self.turning = False
        """Whether a turn is under way: what users want to send is to be left in ``outgoing``."""
        self.finished: deque[Callable[[], None]] = deque()
        """Each tells the owner of a connection that its request is over."""
        self.outgoing: deque[Deferred] = deque()
        """What is left to be sent when all owners have been told."""
        self.before_turn: list[Callable[[], None]] = []
        """Called at the beginning of each turn."""
        self._closing: list[_socket.socket] = []
        self._epoll = _epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._connections: set[Connection] = set()
        self._due: list[tuple[float, int, Timed]] = []
        self._tickets = itertools.count(1)
        self._timer = TimerFd()
        self._rings_at = math.inf
        self._rings = self._woken = False
        self._scan = _Call(self._check_timeouts)
        self._epoll.register(self._timer.fd, _READ)
        self._handlers[self._timer.fd] = self._note_ring
        self._watcher = self.hub.loop.io(self._epoll.fileno(), _EV_READ)
        self._watcher.start(self._turn)

    # Sockets.

    def watch(self, fd: int, connection: Connection) -> None:
        """Begin to serve a connection, and call it whenever ``fd`` can be read."""
        self._handlers[fd] = connection.receive
        self._connections.add(connection)
        self._epoll.register(fd, _READ)
        if not self._scan.ticket:
            self.at(time.time() + SCAN_S, self._scan)

    def watch_writable(self, fd: int, connection: Connection) -> None:
        """Call the connection when ``fd`` can be written, and not when it can be read: an early answer waits."""
        self._handlers[fd] = connection.send_rest
        self._epoll.modify(fd, _WRITE)

    def watch_readable(self, fd: int, connection: Connection) -> None:
        """Undo ``watch_writable``."""
        self._handlers[fd] = connection.receive
        self._epoll.modify(fd, _READ)

    def close(self, fd: int, connection: Connection, sock: _socket.socket, delay_s: float) -> None:
        """Serve a connection no more, and close its socket: after a delay, or with the others of this turn."""
        if self._handlers.pop(fd, None) is not None:
            self._connections.discard(connection)
        if delay_s:
            with contextlib.suppress(OSError):  # never watched
                self._epoll.unregister(fd)
            self.at(time.time() + delay_s, _Call(lambda _: sock.close()))
        elif self.turning:
            self._closing.append(sock)
        else:
            sock.close()  # the kernel takes it out of the epoll by itself

    def finish(self, tell: Callable[[], None]) -> None:
        """A request is over: have its owner told, but not from within this call."""
        self.finished.append(tell)
        if not self.turning:
            self._wake()

    # Time.

    def at(self, due: float, timed: Timed) -> None:
        """Call ``timed`` at ``due``, epoch s. Replaces the date it has."""
        timed.ticket = ticket = next(self._tickets)
        heapq.heappush(self._due, (due, ticket, timed))
        if due < self._rings_at:
            self._set_timer(due)

    def _set_timer(self, due: float) -> None:
        self._rings_at = due
        if due < math.inf:
            self._timer.set(due)

    def _note_ring(self) -> None:
        self._rings = True

    def _ring(self) -> None:
        self._rings = False
        self._timer.acknowledge()
        due, now = self._due, time.time()
        while due and due[0][0] <= now:
            _, ticket, timed = heapq.heappop(due)
            if timed.ticket == ticket:
                timed.ticket = 0
                try:
                    timed.ring(now)
                except BaseException:
                    self.hub.handle_error(timed, *sys.exc_info())
        self._set_timer(due[0][0] if due else math.inf)

    def _check_timeouts(self, now: float) -> None:
        for connection in list(self._connections):
            connection.check_timeouts(now)
        if self._connections:
            self.at(now + SCAN_S, self._scan)

    # Turns.

    def _wake(self) -> None:
        """Have a turn soon, though nothing may have been received."""
        if not self._woken:
            self._woken = True
            self.hub.loop.run_callback(self._turn)

    def _turn(self) -> None:
        """In Locust's loop. Must not raise anything, not even KeyboardInterrupt: gevent would stop watching."""
        self._woken = False
        self.turning = True
        try:
            for begin in self.before_turn:
                begin()
            self._receive()
            self._go_on()
            if self._rings:
                self._ring()
                self._go_on()
        except BaseException:
            self.hub.handle_error(self, *sys.exc_info())
        finally:
            self.turning = False
            if self.finished or self.outgoing or self._closing:
                self._wake()  # what was interrupted is not lost

    def _receive(self) -> None:
        handlers = self._handlers
        for fd, _ in self._epoll.poll(0, PER_TURN):
            try:
                handle = handlers[fd]
            except KeyError:
                continue  # closed here, but not by a process that was forked from this one
            handle()

    def _go_on(self) -> None:
        """Tell all owners; then close and send what they have left; and again, if more came of that."""
        finished, outgoing = self.finished, self.outgoing
        while finished or outgoing or self._closing:
            told = 0
            while finished:
                tell = finished.popleft()
                try:
                    tell()
                except BaseException:
                    # A bare greenlet, not one of Locust's or gevent's, ended in an exception.
                    self.hub.handle_error(tell, *sys.exc_info())
                told += 1
                if outgoing and not told % A_FEW and time.time() - outgoing[0].asked > PATIENCE_S:
                    self._send()
            self._send()

    def _send(self) -> None:
        closing, outgoing = self._closing, self.outgoing
        while closing:
            closing.pop().close()
        while outgoing:
            deferred = outgoing.popleft()
            try:
                deferred.proceed()
            except BaseException as error:
                self._tell_failed(deferred, error)

    def _tell_failed(self, deferred: Deferred, error: BaseException) -> None:
        try:
            deferred.failed(error)
        except BaseException:
            self.hub.handle_error(deferred, *sys.exc_info())


class _Call:
    """A function that is called at a time."""

    def __init__(self, function: Callable[[float], None]) -> None:
        self.ticket = 0
        self.ring = function


_reactor: Reactor | None = None


def reactor() -> Reactor:
    """The reactor of this process."""
    global _reactor
    if _reactor is None or _reactor.hub is not get_hub():
        _reactor = Reactor()
    return _reactor
