"""One user's HTTP/1.1 connection: a raw non-blocking socket awaited in gevent's loop.

gevent's own socket class costs about 10 us per request more (it tries, fails and only then waits); this one
keeps a single read watcher for the life of the connection, and waits before it reads. The watcher also
notices, at no cost, that the server has closed an idle connection.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import gevent
import gevent.monkey
from gevent import get_hub

from floodmark.load.answer import AnswerParser
from floodmark.load.failure import ConnectionLost, ConnectionRefused, TimedOut
from floodmark.load.reaper import REAPER

_READ, _WRITE = 1, 2
_RECEIVE_BYTES = 65536
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("qq")
_STAMP_SPACE = socket.CMSG_SPACE(_STAMP.size)
_INT = struct.Struct("i")
_UNDER_WAY = {errno.EINPROGRESS, errno.EAGAIN}
# gevent's patched socket would add its own waiting on top of ours.
_Socket: Callable[..., socket.socket] = gevent.monkey.get_original("socket", "socket")


class Address(NamedTuple):
    """Where to connect, resolved once."""

    family: int
    sockaddr: tuple[Any, ...]


def resolve(host: str, port: int) -> Address:
    """Resolve a name once, for all connections. Raises ConnectionRefused for one that does not resolve."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectionRefused(f"{host} does not resolve: {error}") from error
    family, _, _, _, sockaddr = found[0]
    return Address(family, sockaddr)


class Connection:
    """Connects on first use, and again after the server or an error closed it.

    opened: called at each new connection. unread: set when an exchange fails because the server had closed
    the reused connection before the request reached it; the request was then never read, and only then may
    it be sent again.
    """

    __slots__ = (
        "_address",
        "_greenlet",
        "_hub",
        "_opened",
        "_reading",
        "_socket",
        "_used",
        "_watcher",
        "_writing",
        "answer",
        "deadline",
        "unread",
    )

    def __init__(self, address: Address, opened: Callable[[], None]) -> None:
        self._address = address
        self._opened = opened
        self._hub = get_hub()
        self._socket: socket.socket | None = None
        self._watcher: Any = None
        self._greenlet: Any = None
        self._reading = False
        self._writing = False
        self._used = False
        self.answer = AnswerParser()
        self.deadline = 0.0
        self.unread = False

    def exchange(self, request: bytes, *, head_only: bool, connect_timeout_s: float, timeout_s: float) -> float:
        """Send a request and read its whole answer into ``answer``.

        Returns the moment the answer was complete, epoch s: the kernel's receive stamp of its last segment
        where there is one, so that a busy generator does not lengthen it. Raises ConnectionRefused,
        TimedOut, ConnectionLost or Malformed, and closes the connection then.
        """
        answer = self.answer
        self._greenlet = gevent.getcurrent()
        self.unread = False
        try:
            if self._socket is None:
                self.deadline = time.monotonic() + connect_timeout_s
                self._connect()
            self.deadline = time.monotonic() + timeout_s
            answer.expect(head_only=head_only)
            self._send(request)
            received = 0.0
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
        self._used = False

    def expire(self) -> None:
        """Called by the reaper, in the hub, when the deadline has passed."""
        if self._reading or self._writing:
            self._greenlet.throw(TimedOut("no complete answer in time"))

    def _connect(self) -> None:
        sock = _Socket(self._address.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        self._socket = sock
        REAPER.watch(self)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # Linux only
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        error = sock.connect_ex(self._address.sockaddr)
        if error in _UNDER_WAY:
            self._wait_writable()
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise ConnectionRefused(os.strerror(error))
        self._opened()
        self.answer.begin()
        self._watcher = self._hub.loop.io(sock.fileno(), _READ)
        self._watcher.start(self._readable)

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
        watcher = self._watcher
        if not watcher.active:
            watcher.start(self._readable)
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

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        view = memoryview(data)
        while True:
            try:
                sent = self._socket.send(view)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self.unread = self._used
                raise ConnectionLost(str(error)) from error
            if sent == len(view):
                return
            view = view[sent:]
            self._wait_writable()

    def _receive(self) -> float:
        assert self._socket is not None
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_RECEIVE_BYTES, _STAMP_SPACE)
        except BlockingIOError:
            return 0.0
        except OSError as error:
            self.unread = self._used and not self.answer.started
            raise ConnectionLost(str(error)) from error
        if not data:
            self.unread = self._used and not self.answer.started and self._unread_by_peer()
            self.answer.end_of_stream()
            return time.time()
        self.answer.feed(data)
        if ancillary:
            seconds, nanoseconds = _STAMP.unpack(ancillary[0][2])
            return float(seconds + nanoseconds * 1e-9)
        return time.time()

    def _unread_by_peer(self) -> bool:
        """After an orderly close: was our request reset, or is it still unacknowledged?"""
        assert self._socket is not None
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return True
        waiting = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, _INT.pack(0))
        return bool(_INT.unpack(waiting)[0])
