"""The sending half of a line: connects, sends a step, and knows what its user is doing."""

from __future__ import annotations

import errno
import os
import socket
import time
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

from gevent.event import Event

from floodmark.load.controls import CONTROLS
from floodmark.load.failure import ConnectionLost, ConnectionRefused, RequestFailed
from floodmark.load.step_driver.parser import Reply
from floodmark.load.wire import FEW_BYTES, open_socket

if TYPE_CHECKING:
    import _socket

    from floodmark.load.step_driver.connection import Line
    from floodmark.load.step_driver.driver import Lane
    from floodmark.load.step_driver.request_plan import Course, Leg

_UNDER_WAY = {errno.EINPROGRESS, errno.EAGAIN}


class State(IntEnum):
    """What a line is doing. Only the last three have a request in flight."""

    IDLE = 0
    PAUSING = 1
    RESTING = 2
    CONNECTING = 3
    SENDING = 4
    AWAITING = 5


IN_FLIGHT = frozenset({State.CONNECTING, State.SENDING, State.AWAITING})
_AWAITING = State.AWAITING  # looked up once: it stands in the path of every request


class Owner(Protocol):
    """The user of a line."""

    def wait_time(self) -> float: ...
    def context(self) -> dict[str, Any]: ...


class Sender(Reply):
    """The connection of one user.

    waits: whether the user's wait_time must be asked. sent: when the request left; intended: in the open model,
    when it was due; ready_at: when its user was ready for it; all epoch s. stamp: of the answer just taken in, as the
    kernel gave it. at_once: a request is in flight, and the
    next follows a good answer at once; otherwise the lane is asked. gone, stop: set when the user may go, and the
    exception it then raises.
    """

    __slots__ = (
        "_recvmsg",
        "_send",
        "_sent_first",
        "_unsent",
        "at_once",
        "back_off_s",
        "course",
        "fd",
        "generation",
        "gone",
        "intended",
        "lane",
        "leg",
        "owner",
        "ready_at",
        "retiring",
        "room_bytes",
        "sent",
        "sock",
        "stamp",
        "state",
        "stop",
        "ticket",
        "waits",
    )

    def __init__(self, lane: Lane, course: Course, owner: Owner, *, waits: bool) -> None:
        super().__init__()
        self.lane = lane
        self.course = course
        self.owner = owner
        self.waits = waits
        self.gone = Event()
        self.stop: BaseException | None = None
        self.leg: Leg = course.first_leg()
        self.state = State.IDLE
        self.sock: _socket.socket | None = None
        self.fd = -1
        self.sent = self.intended = self.ready_at = 0.0
        self.stamp = b""
        self._sent_first = 0.0
        self.ticket = self.generation = 0
        self.back_off_s = 0.0
        self.at_once = self.retiring = False
        self._unsent: memoryview | None = None
        self.room_bytes = FEW_BYTES

    @property
    def wanted(self) -> bytes:
        return self.leg.expect

    def fire(self, leg: Leg, intended: float = 0.0) -> None:
        """Send a request; ``sent`` was set. intended: where latency counts from, epoch s, if not from there."""
        self.leg = leg
        self.intended = intended
        self.done = False
        self.size = 0
        if self.sock is None:
            self._connect()
            return
        self.state = _AWAITING
        try:
            sent = self._send(leg.message)
        except OSError:
            sent = 0  # an error comes up again when the rest is sent
        if sent != leg.length:
            self.send_later(sent)

    def _connect(self) -> None:
        lane, address = self.lane, self.course.address
        try:
            self.sock = sock = open_socket(address.family, longest_bytes=self.leg.length)
        except OSError as error:
            lane.failed(self, ConnectionRefused(f"no socket: {error.strerror}"))
            return
        self.fd = fd = sock.fileno()
        self._send = sock.send
        self._recvmsg = sock.recvmsg
        self._sent_first = self.sent
        self.begin()
        code = sock.connect_ex(address.sockaddr)
        if code and code not in _UNDER_WAY:
            self.close()
            lane.failed(self, ConnectionRefused(os.strerror(code)))
            return
        lane.pump.watch(self, fd)
        # On loopback the handshake is done by now: a send succeeds at once, and saves a turn.
        try:
            sent = self._send(self.leg.message)
        except BlockingIOError:
            self.state = State.CONNECTING
            lane.pump.watch_writable(self, fd)
            return
        except OSError as error:
            self.close()
            lane.failed(self, ConnectionRefused(os.strerror(error.errno or 0)))
            return
        self.lane.opened += 1
        if sent == self.leg.length:
            self.state = _AWAITING
        else:
            self.send_later(sent)

    def connect_again(self) -> None:
        """Send the next request on a connection of its own; ``sent`` and ``leg`` were set."""
        self.close()
        self._connect()

    def _connected(self) -> None:
        assert self.sock is not None
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.close()
            self.lane.failed(self, ConnectionRefused(os.strerror(code)))
            return
        self.lane.opened += 1
        self._unsent = memoryview(self.leg.message)
        self.state = State.SENDING
        self._send_rest()

    def send_later(self, sent: int) -> None:
        """The socket took only so many bytes."""
        self._unsent = memoryview(self.leg.message)[sent:]
        self.state = State.SENDING
        self.lane.pump.watch_writable(self, self.fd)

    def _send_rest(self) -> None:
        left = self._unsent
        assert left is not None
        try:
            left = left[self._send(left) :]
        except BlockingIOError:
            pass
        except OSError as error:
            if len(left) == self.leg.length:
                self._lost(str(error), unread=self._reused)
                return
            # The server closed before it had the whole request. If it answered first, that is what counts.
            left = left[:0]
            self.spoilt = True
        if left:
            self._unsent = left
            self.state = State.SENDING
            return
        self._unsent = None
        self.lane.pump.watch_readable(self, self.fd)
        self.state = _AWAITING

    @property
    def _reused(self) -> bool:
        """Whether the connection has served a request before the one in flight."""
        return self.sent != self._sent_first

    def writable(self) -> None:
        """The socket can be written, or has failed."""
        self.lane.pump.send_on()
        if self.state is State.CONNECTING:
            self._connected()
        elif self.state is State.SENDING:
            self._send_rest()
        else:
            self.close()

    def ready(self) -> Line | None:
        """The socket can be read, or has failed."""
        raise NotImplementedError

    def close(self) -> None:
        """Close; the next request connects anew."""
        if self.sock is not None:
            self.lane.pump.unwatch(self.fd)
            if CONTROLS.close_delay_s:
                self.lane.pump.close_at(time.time() + CONTROLS.close_delay_s, self.sock)
            else:
                self.sock.close()
            self.sock = None
        self._unsent = None

    def abort(self, error: RequestFailed) -> None:
        """Give up the request in flight."""
        self.close()
        self.lane.failed(self, error)

    def _lost(self, text: str, *, unread: bool) -> None:
        self.close()
        if unread:
            # The server had closed the idle connection before this request could reach it: it was never read.
            CONTROLS.recorder.reconnected()
            self.fire(self.leg, self.intended)
        else:
            self.lane.failed(self, ConnectionLost(text))
