"""One user's HTTP/1.1 connection: a raw non-blocking socket awaited in gevent's loop.

gevent's own socket class costs about 10 us per request more (it tries, fails and only then waits); this one
keeps a single read watcher for the life of the connection, and waits before it reads. The watcher also
notices, at no cost, that the server has closed an idle connection.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gevent import get_hub, getcurrent

from floodmark.load.answer import AnswerParser
from floodmark.load.failure import ConnectionLost, ConnectionRefused, TimedOut
from floodmark.load.reaper import REAPER
from floodmark.load.tls import Tls, TlsFailed
from floodmark.load.wire import RECEIVE_BYTES, STAMP, STAMP_SPACE, Address, open_socket, unread_by_peer

if TYPE_CHECKING:
    import _socket

FEW_BYTES = 4096
"""Room for most answers; for more, memory has to be found and given back with every one of them."""
_READ, _WRITE = 1, 2
_UNDER_WAY = {errno.EINPROGRESS, errno.EAGAIN}
_monotonic = time.monotonic


class Connection:
    """Connects on first use, and again after the server or an error closed it.

    locate: where to connect. opened: called at each new connection. tls_host: name in the server's certificate;
    None for plain http.
    """

    __slots__ = (
        "_fresh",
        "_greenlet",
        "_hub",
        "_locate",
        "_opened",
        "_reading",
        "_room_bytes",
        "_socket",
        "_tls",
        "_tls_host",
        "_unread",
        "_until",
        "_used",
        "_watcher",
        "_writing",
        "answer",
        "deadline",
        "reconnected",
    )

    def __init__(self, locate: Callable[[], Address], opened: Callable[[], None], tls_host: str | None = None) -> None:
        self._locate = locate
        self._tls_host = tls_host
        self._tls: Tls | None = None
        self._opened = opened
        self._hub = get_hub()
        self._socket: _socket.socket | None = None
        self._watcher: Any = None
        self._greenlet: Any = None
        self._reading = False
        self._writing = False
        self._used = self._fresh = False
        self._room_bytes = FEW_BYTES
        self.answer = AnswerParser()
        self.deadline = self._until = 0.0
        self._unread = False
        self.reconnected = False

    def exchange(self, request: bytes, head_only: bool, connect_timeout_s: float, timeout_s: float) -> float:
        """Send a request and read its whole answer into ``answer``.

        Returns the moment the answer was complete, epoch s: the kernel's receive stamp of its last segment
        where there is one, so that a busy generator does not lengthen it. Raises ConnectionRefused,
        TimedOut, ConnectionLost or Malformed, and closes the connection then.

        ``reconnected`` then says whether the request had to be sent again, because the server had closed the idle
        connection before it could read any of it.
        """
        self.reconnected = False
        self._until = _monotonic() + timeout_s
        try:
            return self._exchange(request, head_only, connect_timeout_s)
        except ConnectionLost:
            if not self._unread:
                raise
            self.reconnected = True
            return self._exchange(request, head_only, connect_timeout_s)

    def _exchange(self, request: bytes, head_only: bool, connect_timeout_s: float) -> float:
        answer = self.answer
        self._greenlet = getcurrent()
        self._unread = False
        try:
            if self._socket is None:
                self.deadline = min(_monotonic() + connect_timeout_s, self._until)
                self._connect(len(request))
            else:
                self.deadline = self._until
            answer.expect(head_only)
            received = self._send(request)
            while not answer.done:
                self._wait_readable()
                received = self._receive()
        except BaseException:
            self.close()
            raise
        finally:
            self.deadline = 0.0
        self._used = True
        if not answer.keep_alive or answer.spoilt:
            self.close()
        return received

    def close(self) -> None:
        """Close; the next exchange connects anew."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._socket is not None:
            REAPER.release(self)
            self._socket.close()
            self._socket = None
        self._tls = None
        self._used = False

    def expire(self) -> None:
        """Called by the reaper, in the hub, when the deadline has passed."""
        if self._reading or self._writing:
            self._greenlet.throw(TimedOut("no complete answer in time"))

    def _connect(self, longest_bytes: int) -> None:
        address = self._locate()
        try:
            sock = open_socket(address.family, longest_bytes=longest_bytes)
        except OSError as lacking:
            raise ConnectionRefused(f"no socket: {lacking.strerror}") from lacking
        self._socket = sock
        REAPER.watch(self)
        error = sock.connect_ex(address.sockaddr)
        if error and error not in _UNDER_WAY:
            raise ConnectionRefused(os.strerror(error))
        self._fresh = True
        self.answer.begin()
        self._watcher = self._hub.loop.io(sock.fileno(), _READ)
        self._watcher.start(self._readable)
        if self._tls_host is not None:
            self._shake_hands(self._tls_host)

    def _shake_hands(self, host: str) -> None:
        self._tls = tls = Tls(host)
        try:
            while not tls.shake():
                self._send_raw(tls.outgoing())
                self._wait_readable()
                with contextlib.suppress(BlockingIOError):
                    tls.incoming(self._receive_raw()[0])
            self._send_raw(tls.outgoing())
        except (TlsFailed, ConnectionLost, OSError) as error:
            raise ConnectionRefused(str(error)) from error
        self.deadline = self._until

    def _readable(self) -> None:
        """In the hub: something arrived."""
        if self._reading:
            self._greenlet.switch()
        elif self.deadline:
            self._watcher.stop()  # still sending: the server speaks before it has read all
        else:
            self.close()  # idle: the server closed, or sent what nobody asked for

    def _wait_readable(self) -> None:
        """Wait until the socket is readable or the reaper throws."""
        if not self._watcher.active:
            self._watcher.start(self._readable)
        self._reading = True
        try:
            self._hub.switch()
        finally:
            self._reading = False

    def _wait_writable(self) -> None:
        assert self._socket is not None
        watcher = self._hub.loop.io(self._socket.fileno(), _WRITE)
        self._writing = True
        try:
            self._hub.wait(watcher)
        finally:
            self._writing = False
            watcher.close()

    def _send(self, data: bytes) -> float:
        """Send a request. Returns when its answer came, epoch s, should the server have closed before the end."""
        try:
            if self._tls is not None:
                data = self._tls.encrypt(data)
            self._send_raw(data)
        except TlsFailed as error:
            raise ConnectionLost(str(error)) from error
        except ConnectionLost as lost:
            if self._unread:
                raise
            return self._last_words(lost)
        return 0.0

    def _last_words(self, lost: ConnectionLost) -> float:
        """The answer of a server that closed before it had the whole request; raises ``lost`` where there is none."""
        received = 0.0
        try:
            while not self.answer.done:
                received = self._receive()
                if not received:
                    raise lost
        except ConnectionLost:
            self._unread = False  # some of it was sent, and may have been read
            raise lost from None
        self.answer.spoilt = True
        return received

    def _send_raw(self, data: bytes) -> None:
        """Send all of it. The first on a connection also tells whether there is one: on loopback, at once."""
        assert self._socket is not None
        left: bytes | memoryview = data
        while True:
            try:
                sent = self._socket.send(left)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                if self._fresh:
                    raise ConnectionRefused(os.strerror(error.errno or 0)) from error
                self._unread = self._used and left is data
                raise ConnectionLost(str(error)) from error
            if self._fresh and sent:
                self._fresh = False
                self._opened()
                if self._tls is None:
                    self.deadline = self._until
            if sent == len(left):
                return
            left = memoryview(left)[sent:]
            self._wait_writable()

    def _receive(self) -> float:
        """Feed what has arrived to the parser; returns when it arrived, epoch s."""
        assert self._socket is not None
        try:
            data, received = self._receive_raw()
        except BlockingIOError:
            return 0.0
        except OSError as error:
            self._unread = self._used and not self.answer.started
            raise ConnectionLost(str(error)) from error
        if data and self._tls is not None:
            try:
                data, ended = self._tls.decrypt(data)
            except TlsFailed as error:
                raise ConnectionLost(str(error)) from error
            if data:
                self.answer.feed(data)
            if not ended:
                return received
            data = b""
        if data:
            self.answer.feed(data)
        else:
            self._unread = self._used and not self.answer.started and unread_by_peer(self._socket)
            self.answer.end_of_stream()
        return received

    def _receive_raw(self) -> tuple[bytes, float]:
        assert self._socket is not None
        data, ancillary, _, _ = self._socket.recvmsg(self._room_bytes, STAMP_SPACE)
        if len(data) == self._room_bytes:
            self._room_bytes = RECEIVE_BYTES
        if ancillary:
            seconds, nanoseconds = STAMP.unpack(ancillary[0][2])
            return data, float(seconds + nanoseconds * 1e-9)
        return data, time.time()
