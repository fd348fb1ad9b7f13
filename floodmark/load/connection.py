"""One HTTP/1.1 connection that never waits: it sends a request, reads the whole answer, and tells its owner."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

from floodmark.load.answer import NO_ANSWER, Answer, AnswerParser
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import ConnectionLost, ConnectionRefused, RequestFailed, TimedOut
from floodmark.load.reactor import reactor
from floodmark.load.request import Request
from floodmark.load.tls import Tls, TlsFailed
from floodmark.load.wire import FEW_BYTES, STAMP, STAMP_SPACE, Address, more_room, open_socket, unread_by_peer

if TYPE_CHECKING:
    import _socket

CONNECT_TIMEOUT_S = 5.0
_IN_PROGRESS = {errno.EINPROGRESS, errno.EAGAIN}
_NS = 1_000_000_000
_NOTHING = Request(message=b"")

# Looked up once: these stand in the path of every request, or of every connection in a scan.
_now = time.time
_unpack_stamp = STAMP.unpack
_write = os.write  # gets to the kernel on a shorter way than a socket's send


class State(IntEnum):
    """What a connection is doing. The order counts: from CONNECTING on, a request is under way."""

    IDLE = 0
    """Nothing. Its socket may be open, kept alive for the next request."""
    CONNECTING = 1
    HANDSHAKING = 2
    SENDING = 3
    AWAITING = 4
    """All was sent, and nothing of the answer was received."""
    RECEIVING = 5
    """Part of the answer was received; or part of the request was sent, and no more can be."""


_IDLE, _CONNECTING, _HANDSHAKING = State.IDLE, State.CONNECTING, State.HANDSHAKING
_SENDING, _AWAITING, _RECEIVING = State.SENDING, State.AWAITING, State.RECEIVING


class Owner(Protocol):
    """Whoever sends requests on a connection. Called in the hub, never from within ``send``; must not wait."""

    def answered(self) -> None:
        """The answer is complete: ``answer``, received at ``stamp``."""

    def failed(self, error: RequestFailed) -> None:
        """There will be no answer. The connection is closed."""


class HttpConnection:
    """Carries one request after the other. It connects when there is something to send, and again after a close.

    Nothing is retried, with one exception: a request on a kept connection that the server had closed before it could
    read any of the request is sent again, once, on a new connection.
    """

    __slots__ = (
        "_answered",
        "_blocked",
        "_connecting_since",
        "_cut_off",
        "_error",
        "_failed",
        "_fd",
        "_finished",
        "_first_sent",
        "_parser",
        "_partly_sent",
        "_plain_fd",
        "_reactor",
        "_recvmsg",
        "_room_bytes",
        "_socket",
        "_state",
        "_tls",
        "_tls_host",
        "_unsent",
        "address",
        "answer",
        "connect_timeout_s",
        "request",
        "sent",
        "stamp",
        "timeout_s",
    )

    def __init__(self, owner: Owner, address: Address | None = None, tls_host: str | None = None) -> None:
        """tls_host: the name in the server's certificate; None for plain http."""
        self._answered = owner.answered
        self._failed = owner.failed
        self._error: RequestFailed | None = None
        self._reactor = reactor()
        self._finished = self._reactor.finished
        self.address = address
        """Where to connect. To be set before the first request."""
        self._tls_host = tls_host
        self.connect_timeout_s = CONNECT_TIMEOUT_S
        self.timeout_s: float | None = None
        """For the whole exchange, connecting included; None: as the ramp has it, ``CONTROLS.timeout_s``."""

        self.request: Request = _NOTHING
        """The last request."""
        self.sent = 0.0
        """When it left, epoch s."""
        self.answer: Answer = NO_ANSWER
        """The last answer."""
        self.stamp = b""
        """When its last segment came, as the kernel stamped it. A busy generator does not make it later."""

        self._state: State = _IDLE
        self._socket: _socket.socket | None = None
        self._fd = -1
        self._plain_fd = -1  # the same while it is open, but -1 for TLS
        self._recvmsg: Callable[[int, int], tuple[bytes, list[tuple[int, int, bytes]], int, Any]]
        self._room_bytes = FEW_BYTES
        self._tls: Tls | None = None
        self._parser = AnswerParser()
        self._first_sent = 0.0  # ``sent`` of the request that the socket was opened for
        self._connecting_since = 0.0
        self._unsent: bytes | memoryview = b""
        self._blocked = False  # the socket takes no more; the reactor tells when it does
        self._partly_sent = False
        self._cut_off = False  # the server closed before it had the whole request

    @property
    def is_open(self) -> bool:
        """Whether there is a socket, connected or connecting."""
        return self._socket is not None

    @property
    def ended(self) -> float:
        """When the last answer was complete, epoch s."""
        seconds, nanoseconds = _unpack_stamp(self.stamp)
        return float(seconds + nanoseconds * 1e-9)

    # Called by the owner.

    def send(self, request: Request, now: float) -> None:
        """Send a request at ``now``, epoch s, where time-outs begin to count. The last one must be over."""
        self.request = request
        self.sent = now
        if self._plain_fd < 0:
            self._send_anew()
            return
        self._state = _AWAITING
        try:
            taken = _write(self._plain_fd, request.message)
        except OSError:
            taken = 0  # the error comes up again when the rest is sent
        if taken != request.length:
            self._unsent = memoryview(request.message)[taken:]
            self._partly_sent = taken > 0
            self._state = _SENDING
            self._block()

    def close(self) -> None:
        """Close the connection. A request that is under way is given up, and its owner hears no more of it."""
        self._disconnect()
        self._state = _IDLE
        for tell in (self._answered, self._tell_failed):
            if tell in self._finished:
                self._finished.remove(tell)

    # Connecting and sending.

    def _send_anew(self) -> None:
        """Send where that takes more than a write: on a new connection, or through TLS."""
        if self._socket is None:
            self._connect()
        else:
            self._send_encrypted()

    def _connect(self) -> None:
        address, request = self.address, self.request
        assert address is not None
        self._connecting_since = _now()
        self._first_sent = self.sent
        self._partly_sent = self._cut_off = False
        self._parser.begin()
        try:
            self._socket = sock = open_socket(address.family, longest_bytes=request.length)
        except OSError as error:
            self._fail(ConnectionRefused(f"no socket: {error.strerror}"))
            return
        self._fd = fd = sock.fileno()
        self._recvmsg = sock.recvmsg
        code = sock.connect_ex(address.sockaddr)
        if code and code not in _IN_PROGRESS:
            self._fail(ConnectionRefused(os.strerror(code)))
            return
        self._reactor.watch(fd, self)
        self._state = _CONNECTING
        if self._tls_host is None:
            self._plain_fd = fd
            self._unsent = request.message
        else:
            self._tls = Tls(self._tls_host)
            self._tls.shake()
            self._unsent = self._tls.outgoing()
        # On loopback the TCP handshake is done by now: a send succeeds at once, and saves a turn.
        self.send_rest()

    def send_rest(self) -> None:
        """Send what is left, or as much of it as the socket takes."""
        left = self._unsent
        assert self._socket is not None
        try:
            taken = self._socket.send(left)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            self._unsendable(error)
            return
        if taken and self._state is _CONNECTING:
            CONTROLS.recorder.opened()
            self._state = _SENDING if self._tls is None else _HANDSHAKING
        sending = self._state is _SENDING
        if taken != len(left):
            self._unsent = memoryview(left)[taken:]
            self._partly_sent |= sending and taken > 0
            self._block()
            return
        self._unsent = b""
        self._unblock()
        if sending:
            self._state = _AWAITING

    def _send_encrypted(self) -> None:
        assert self._tls is not None
        try:
            self._unsent = self._tls.outgoing() + self._tls.encrypt(self.request.message)
        except TlsFailed as error:
            self._fail(ConnectionLost(str(error)))
            return
        self._partly_sent = False
        self._state = _SENDING
        self.send_rest()

    def _block(self) -> None:
        if not self._blocked:
            self._blocked = True
            self._reactor.watch_writable(self._fd, self)

    def _unblock(self) -> None:
        if self._blocked:
            self._blocked = False
            self._reactor.watch_readable(self._fd, self)

    def _unsendable(self, error: OSError) -> None:
        if self._state is not _SENDING:
            self._fail(ConnectionRefused(os.strerror(error.errno or 0)))
        elif not self._partly_sent:
            self._lost(str(error), unread=self._reused)
        else:
            # If the server has answered before it closed, that is what counts.
            self._unsent = b""
            self._unblock()
            self._cut_off = True
            self._state = _RECEIVING

    @property
    def _reused(self) -> bool:
        """Whether the connection has served a request before this one."""
        return self.sent != self._first_sent

    # Receiving.

    def receive(self) -> None:
        """Take what has arrived."""
        try:
            data, ancillary, _, _ = self._recvmsg(self._room_bytes, STAMP_SPACE)
        except OSError as error:
            self._unreadable(error)
            return
        self.stamp = ancillary[0][2] if ancillary else STAMP.pack(*divmod(time.time_ns(), _NS))
        answer = self.request.known
        if data == answer.raw and self._state is _AWAITING:
            # The path of nearly every request.
            if not answer.keep_alive:
                self._disconnect()
            self.answer = answer
            self._state = _IDLE
            self._finished.append(self._answered)
        elif self._state >= _AWAITING:
            self._take(data)
        elif self._state is _HANDSHAKING:
            self._shake(data)
        else:
            self._disconnect()  # idle: the server closed, or sent what nobody asked for

    def _unreadable(self, error: OSError) -> None:
        if isinstance(error, BlockingIOError):
            return
        if self._state >= _AWAITING:
            self._lost(str(error), unread=self._reused and self._state is _AWAITING)
        elif self._state is _HANDSHAKING:
            self._fail(ConnectionRefused(str(error)))
        else:
            self._disconnect()

    def _shake(self, data: bytes) -> None:
        assert self._tls is not None
        try:
            self._tls.incoming(data)
            done = self._tls.shake()
        except TlsFailed as error:
            self._fail(ConnectionRefused(str(error)))
            return
        if done:
            self._send_encrypted()
        else:
            self._unsent = self._tls.outgoing()
            if self._unsent:
                self.send_rest()

    def _take(self, data: bytes) -> None:
        """Parse what came of the answer. Nothing is the end of the stream."""
        if len(data) == self._room_bytes:
            self._room_bytes = more_room(self._room_bytes)
        ended = not data
        request = self.request
        try:
            if data and self._tls is not None:
                data, ended = self._tls.decrypt(data)
            if data:
                self._state = _RECEIVING
                answer = self._parser.feed(data, request.marker, head_only=request.head_only)
                if answer is not None:
                    self._complete(answer)
                    return
            if ended:
                self._end_of_stream()
        except TlsFailed as error:
            self._fail(ConnectionLost(str(error)))
        except RequestFailed as error:
            self._fail(error)

    def _end_of_stream(self) -> None:
        """The server has closed. Raises ConnectionLost unless that was the end of the answer."""
        assert self._socket is not None
        if self._state is _AWAITING:
            self._lost("closed without an answer", unread=self._reused and unread_by_peer(self._socket))
        else:
            self._complete(self._parser.end_of_stream())

    def _complete(self, answer: Answer) -> None:
        request = self.request
        answer.keep_alive = answer.keep_alive and not request.closes
        if not answer.keep_alive or self._parser.spoilt or self._cut_off:
            self._disconnect()
        if answer.raw is not None:
            request.known = answer
        self.answer = answer
        self._state = _IDLE
        self._finished.append(self._answered)

    # The end of a request.

    def check_timeouts(self, now: float) -> None:
        """Give up the request that is under way if it has had its time."""
        state = self._state
        if state is _IDLE:
            return
        if state <= _HANDSHAKING and now - self._connecting_since > self.connect_timeout_s:
            self._fail(TimedOut("no connection in time"))
        elif now - self.sent > (CONTROLS.timeout_s if self.timeout_s is None else self.timeout_s):
            self._fail(TimedOut("no complete answer in time"))

    def _lost(self, text: str, *, unread: bool) -> None:
        """The connection is gone. unread: the server had closed it before it could read any of the request."""
        self._disconnect()
        if unread:
            CONTROLS.recorder.reconnected()
            self._connect()
        else:
            self._fail(ConnectionLost(text))

    def _fail(self, error: RequestFailed) -> None:
        self._disconnect()
        self._error = error
        self._state = _IDLE
        self._reactor.finish(self._tell_failed)

    def _tell_failed(self) -> None:
        error, self._error = self._error, None
        assert error is not None
        self._failed(error)

    def _disconnect(self) -> None:
        sock = self._socket
        if sock is None:
            return
        self._reactor.close(self._fd, self, sock, CONTROLS.close_delay_s)
        self._socket = self._tls = None
        self._plain_fd = -1
        self._blocked = False
        self._unsent = b""
