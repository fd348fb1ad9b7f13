"""One user's raw non-blocking socket, awaited in gevent's loop.

gevent's own socket class costs about 10 us per request more (it tries, fails and only then waits); this one stays in
the inbox for the life of the connection, and waits before it reads. The inbox also notices, at no cost, that the server
has closed an idle connection.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gevent import get_hub

from floodmark.load.failure import ConnectionLost, ConnectionRefused, NotSent, TimedOut
from floodmark.load.reactor import Arrived, reactor
from floodmark.load.timeouts import TIMEOUTS
from floodmark.load.tls import Tls, TlsFailed
from floodmark.load.wire import FEW_BYTES, STAMP, STAMP_SPACE, Address, more_room, open_socket

if TYPE_CHECKING:
    import _socket

_WRITE = 2  # libev's EV_WRITE
_UNDER_WAY = {errno.EINPROGRESS, errno.EAGAIN}
_monotonic = time.monotonic


class RawSocket:
    """A socket that connects on demand, and again after it was closed.

    locate: where to connect. opened: called at each new connection. tls_host: name in the server's certificate; None
    for plain http. deadline: when to give up what is awaited, monotonic s, 0 while nothing is. prompt: connecting and
    sending need not wait for anything. The rest that is public is for the inbox: see ``inbox.Awaiting``.
    """

    __slots__ = (
        "__weakref__",
        "_address",
        "_deaf",
        "_fd",
        "_fresh",
        "_hub",
        "_inbox",
        "_locate",
        "_opened",
        "_socket",
        "_tls",
        "_tls_host",
        "_until",
        "_writing",
        "arrived",
        "deadline",
        "failed",
        "greenlet",
        "prompt",
        "reading",
        "receive",
        "room_bytes",
    )

    def __init__(self, locate: Callable[[], Address], opened: Callable[[], None], tls_host: str | None) -> None:
        self._locate = locate
        self._address: Address | None = None
        self._tls_host = tls_host
        self._tls: Tls | None = None
        self._opened = opened
        self._hub = get_hub()
        self._socket: _socket.socket | None = None
        self._fd = -1
        self._inbox = reactor()
        self.greenlet: Any = None
        self.prompt = False
        self.reading = self._writing = False
        self._deaf = False  # not in the inbox
        self._fresh = False  # nothing was sent on it yet
        self.receive: Callable[[int, int], Arrived]
        self.arrived: Arrived | None = None
        self.failed: BaseException | None = None
        self.room_bytes = FEW_BYTES
        self.deadline = self._until = 0.0

    def close(self) -> None:
        """Close; the next exchange connects anew."""
        self.reading = False
        if self._socket is not None:
            self._inbox.forget(self._fd)
            self._inbox.discard(self._socket)
            self._socket = self._tls = None

    def expire(self) -> None:
        """Called by the reaper, in the hub, when the deadline has passed."""
        if self.reading or self._writing:
            self.greenlet.throw(TimedOut("no complete answer in time"))

    def _connect(self, longest_bytes: int) -> None:
        """Connect, or begin to: the first send tells. Raises ConnectionRefused."""
        address = self._address
        if address is None:
            address = self._address = self._locate()
            self.prompt = self._tls_host is None
            TIMEOUTS.watch(self)
        try:
            sock = open_socket(address.family, longest_bytes=longest_bytes)
        except OSError as lacking:
            raise ConnectionRefused(f"no socket: {lacking.strerror}") from lacking
        self._fd = sock.fileno()
        self.receive = sock.recvmsg
        self._socket = sock
        error = sock.connect_ex(address.sockaddr)
        if error and error not in _UNDER_WAY:
            raise ConnectionRefused(os.strerror(error))
        self._inbox.watch(self._fd, self)
        self._fresh = True
        self._deaf = False
        if self._tls_host is not None:
            self._shake_hands(self._tls_host)

    def _shake_hands(self, host: str) -> None:
        self._tls = tls = Tls(host)
        try:
            while not tls.shake():
                self._send_raw(tls.outgoing())
                tls.incoming(self._await())
            self._send_raw(tls.outgoing())
        except (TlsFailed, ConnectionLost, OSError) as error:
            raise ConnectionRefused(str(error)) from error
        self.deadline = self._until

    def unasked(self) -> None:
        """In the hub: something arrived, and the greenlet does not wait for it."""
        if self.deadline:
            self._deaf = True
            self._inbox.unwatch(self._fd)  # still sending: the server speaks before it has read all
        else:
            self.close()  # idle: the server closed, or sent what nobody asked for

    def _listen(self) -> None:
        self._deaf = False
        self._inbox.watch(self._fd, self)

    def _await(self) -> bytes:
        """Wait for what arrives, or until the reaper throws. Raises OSError."""
        if self._deaf:
            self._listen()
        self.reading = True
        self._hub.switch()
        if self.arrived is None:
            assert self.failed is not None
            raise self.failed
        return self.arrived[0]

    def _wait_writable(self) -> None:
        assert self._socket is not None
        watcher = self._hub.loop.io(self._socket.fileno(), _WRITE)
        self._writing = True
        try:
            self._hub.wait(watcher)
        finally:
            self._writing = False
            watcher.close()

    def _send_raw(self, data: bytes, sent: int = 0) -> None:
        """Send all of it, or what is left after ``sent`` bytes. The first on a connection also tells whether there is
        one: on loopback, at once.

        Raises ConnectionRefused then, and later ConnectionLost, or NotSent while none of it was sent.
        """
        assert self._socket is not None
        left: bytes | memoryview = memoryview(data)[sent:] if sent else data
        while True:
            try:
                sent = self._socket.send(left)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                if self._fresh:
                    raise ConnectionRefused(os.strerror(error.errno or 0)) from error
                raise (NotSent if left is data else ConnectionLost)(str(error)) from error
            if self._fresh and sent:
                self._begin()
            if sent == len(left):
                return
            left = memoryview(left)[sent:]
            self._wait_writable()

    def _begin(self) -> None:
        """Bytes were taken: there is a connection."""
        self._fresh = False
        self._opened()
        if self._tls is None:
            self.deadline = self._until

    def _receive_raw(self) -> tuple[bytes, float]:
        assert self._socket is not None
        data, ancillary, _, _ = self._socket.recvmsg(self.room_bytes, STAMP_SPACE)
        if ancillary:
            seconds, nanoseconds = STAMP.unpack(ancillary[0][2])
            return data, float(seconds + nanoseconds * 1e-9)
        return data, time.time()

    def _make_room(self, data: bytes) -> None:
        """More may have come than there was room for."""
        if len(data) == self.room_bytes:
            self.room_bytes = more_room(self.room_bytes)
