"""The loop under the fast lane: one private epoll for all its sockets, and one timer.

Locust's own loop watches only that epoll, so that one wake-up serves everything that has arrived. After each
turn the pump goes back to Locust's loop: timers, web UI and messages are served between two turns, however busy
the lane is.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
import gevent.monkey
from gevent import get_hub

from floodmark.load.step_driver.connection import Line, send_next
from floodmark.load.step_driver.timerfd import Alarm

if TYPE_CHECKING:
    import _socket

    from floodmark.load.step_driver.sender import Sender

logger = logging.getLogger("floodmark")

_READ, _WRITE = 1, 4  # EPOLLIN, EPOLLOUT
_LEVEL = 1  # libev's EV_READ
PER_TURN = 512
"""Answers handled before Locust's loop gets its turn."""
_epoll: Callable[[], Any] = gevent.monkey.get_original("select", "epoll")


class Pump:
    """One per process. Runs once started, in a greenlet of its own.

    began: called at the begin of a turn in which something arrived. due: called with a
    line whose time has come. rang: called after the lines that were due; returns when it wants to be called
    again, epoch s.
    """

    def __init__(
        self,
        *,
        began: Callable[[], None],
        due: Callable[[Sender], None],
        rang: Callable[[float], float],
    ) -> None:
        self._began, self._serve, self._rang = began, due, rang
        self._epoll = _epoll()
        self._alarm = Alarm()
        self._epoll.register(self._alarm.fd, _READ)
        self._rings = False
        self._serving: dict[int, Callable[[], Line | None]] = {self._alarm.fd: self._note_alarm}
        self._following: deque[Line] = deque()
        self._due: list[tuple[float, int, Sender]] = []
        self._tickets = itertools.count(1)
        self._closing: deque[tuple[float, _socket.socket]] = deque()
        self._call_at = 0.0
        self._greenlet: Any = None
        self._watcher: Any = None
        self._parked = False

    def start(self) -> None:
        """Run, if it does not run already."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)
            self.call_at(time.time())

    # Sockets.

    def watch(self, line: Sender, fd: int) -> None:
        """Call the line whenever ``fd`` can be read."""
        self._serving[fd] = line.ready
        self._epoll.register(fd, _READ)

    def watch_writable(self, line: Sender, fd: int) -> None:
        """Call the line when ``fd`` can be written, and not before: an early answer waits."""
        self._serving[fd] = line.writable
        self._epoll.modify(fd, _WRITE)

    def watch_readable(self, line: Sender, fd: int) -> None:
        self._serving[fd] = line.ready
        self._epoll.modify(fd, _READ)

    def unwatch(self, fd: int) -> None:
        """Forget a socket that is about to be closed; the kernel takes it out of the epoll by itself."""
        self._serving.pop(fd, None)

    def close_at(self, due: float, sock: _socket.socket) -> None:
        """Close a socket at ``due``, epoch s, and listen to it no more. Dues must not go back."""
        with contextlib.suppress(OSError):  # never watched: it was still connecting
            self._epoll.unregister(sock.fileno())
        self._closing.append((due, sock))
        if due < self._call_at:
            self.call_at(due)

    # Time.

    def at(self, due: float, line: Sender) -> None:
        """Serve a line at ``due``, epoch s; replaces its earlier date. Setting its ticket to 0 cancels it."""
        line.ticket = ticket = next(self._tickets)
        heapq.heappush(self._due, (due, ticket, line))
        if due < self._call_at:
            self.call_at(due)

    def call_at(self, due: float) -> None:
        """Ring at ``due`` at the latest."""
        self._call_at = due
        self._alarm.ring_at(due)

    def _run(self) -> None:
        # A watcher that stays, instead of one per wait, saves a tenth of a request's cost.
        hub = get_hub()
        self._watcher = hub.loop.io(self._epoll.fileno(), _LEVEL)
        while True:
            self._parked = True
            if not self._watcher.active:
                self._watcher.start(self._wake)
            hub.switch()
            self._parked = False
            # What goes wrong with one line must not stop all others.
            with contextlib.suppress(gevent.GreenletExit):
                try:
                    self._turn()
                except Exception:
                    logger.exception("the fast lane: a turn failed")

    def _wake(self) -> None:
        """In Locust's loop: the epoll has something."""
        if self._parked and self._greenlet is not None:
            self._greenlet.switch()
        else:
            self._watcher.stop()  # a listener of the request event is waiting for something of its own

    def _turn(self) -> None:
        serving, following = self._serving, self._following
        ready = self._epoll.poll(0, PER_TURN)
        self._began()
        try:
            for fd, _ in ready:
                try:
                    serve = serving[fd]
                except KeyError:
                    continue  # closed earlier in this turn
                line = serve()
                if line is not None:
                    following.append(line)
        finally:
            self.send_on()
        if self._rings:
            self._rings = False
            self._ring()

    def send_on(self) -> None:
        """Send what follows on the answers taken in so far: before anything else is done, or looked at."""
        send_next(self._following)

    def _note_alarm(self) -> None:
        self._rings = True

    def _ring(self) -> None:
        self._alarm.silence()
        due, now = self._due, time.time()
        while due and due[0][0] <= now:
            _, ticket, line = heapq.heappop(due)
            if line.ticket == ticket:
                line.ticket = 0
                self._serve(line)
        closing = self._closing
        while closing and closing[0][0] <= now:
            closing.popleft()[1].close()
        soonest = self._rang(now)
        if closing:
            soonest = min(soonest, closing[0][0])
        if due:
            soonest = min(soonest, due[0][0])
        self.call_at(soonest)
