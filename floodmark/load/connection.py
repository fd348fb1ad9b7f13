"""One user's HTTP/1.1 connection: sends a request, reads its whole answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from gevent import getcurrent

from floodmark.load.answer import AnswerParser
from floodmark.load.failure import ConnectionLost, ConnectionRefused, NotSent
from floodmark.load.link import Link
from floodmark.load.tls import TlsFailed
from floodmark.load.wire import STAMP, Address, unread_by_peer

# Looked up once: these stand in the path of every request.
_unpack_stamp = STAMP.unpack
_monotonic = time.monotonic
_write = os.write  # gets to the kernel on a shorter way than a socket's send


class Connection(Link):
    """Connects on first use, and again after the server or an error closed it.

    reconnected: whether the last request had to be sent again, because the server had closed the idle connection
    before it could read any of it.
    """

    __slots__ = ("_unread", "_used", "answer", "reconnected")

    def __init__(self, locate: Callable[[], Address], opened: Callable[[], None], tls_host: str | None = None) -> None:
        super().__init__(locate, opened, tls_host)
        self.answer = AnswerParser()
        self._used = self._unread = False
        self.reconnected = False

    def exchange(
        self, request: bytes, head_only: bool, connect_timeout_s: float, timeout_s: float, *, again: bool = False
    ) -> float:
        """Send a request and read its whole answer into ``answer``. again: for the second time.

        Returns the moment the answer was complete, epoch s: the kernel's receive stamp of its last segment
        where there is one, so that a busy generator does not lengthen it. Raises ConnectionRefused,
        TimedOut, ConnectionLost or Malformed, and closes the connection then.
        """
        answer = self.answer
        self.greenlet = getcurrent()
        self._unread = False
        self.reconnected = again
        now = _monotonic()
        if not again:
            self._until = now + timeout_s
        try:
            if self._socket is None:
                self._used = False
                self.deadline = min(now + connect_timeout_s, self._until)
                self._connect(len(request))
                answer.begin()
            else:
                self.deadline = self._until
            if answer.touched or head_only:
                answer.expect(head_only)
            else:
                answer.done = False
            received = self._converse(request, answer)
        except BaseException as error:
            self.close()
            if not self._unread or again or not isinstance(error, ConnectionLost):
                raise
            return self.exchange(request, head_only, connect_timeout_s, timeout_s, again=True)
        finally:
            self.deadline = 0.0
        self._used = True
        if not answer.keep_alive or answer.spoilt:
            self.close()
        return received

    def _converse(self, request: bytes, answer: AnswerParser) -> float:
        """Nearly every request takes this path from end to end: in one piece, as a call costs more than it does."""
        received = 0.0
        hub = self._hub
        try:
            sent = 0 if self._tls is not None else _write(self._fd, request)
        except OSError as error:
            received = self._send(request, failed=error)
        else:
            if sent and self._fresh:
                self._begin()
            if sent != len(request):
                received = self._send(request, sent)
        while not answer.done:
            self.reading = True
            hub.switch()
            arrived = self.arrived
            if arrived is None:
                self._unreadable()
                continue
            data, ancillary, _, _ = arrived
            if ancillary:
                seconds, nanoseconds = _unpack_stamp(ancillary[0][2])
                received = seconds + nanoseconds * 1e-9
            else:
                received = time.time()
            if data == answer.known and not answer.touched:
                # Its facts stand still, where it was the last one too.
                if answer.status:
                    answer.done = True
                else:
                    answer.recall()
            else:
                self._take(data)
        return received

    def _send(self, request: bytes, sent: int = 0, failed: OSError | None = None) -> float:
        """Send a request, or what is left of it. failed: what came of the first try.

        Returns when its answer came, epoch s, should the server have closed before it had the whole request.
        """
        try:
            if failed is not None and not isinstance(failed, BlockingIOError):
                if self._fresh:
                    raise ConnectionRefused(os.strerror(failed.errno or 0)) from failed
                raise NotSent(str(failed)) from failed
            self._send_raw(request if self._tls is None else self._tls.encrypt(request), sent)
        except TlsFailed as error:
            raise ConnectionLost(str(error)) from error
        except ConnectionLost as lost:
            self._unread = self._used and isinstance(lost, NotSent)
            if self._unread:
                raise
            return self._last_words(lost)
        if self._deaf:
            self._listen()
        return 0.0

    def _last_words(self, lost: ConnectionLost) -> float:
        """The answer of a server that closed before it had the whole request; raises ``lost`` where there is none."""
        received = 0.0
        try:
            while not self.answer.done:
                data, received = self._receive_raw()
                self._take(data)
        except (ConnectionLost, OSError):
            self._unread = False  # some of it was sent, and may have been read
            raise lost from None
        self.answer.spoilt = True
        return received

    def _unreadable(self) -> None:
        """The socket gave nothing. Raises ConnectionLost."""
        error = self.failed
        self._unread = self._used and not self.answer.started
        raise ConnectionLost(str(error)) from error

    def _take(self, data: bytes) -> None:
        """Feed what has arrived to the parser; nothing is the end of the stream."""
        ended = not data
        self._make_room(data)
        if data and self._tls is not None:
            try:
                data, ended = self._tls.decrypt(data)
            except TlsFailed as error:
                raise ConnectionLost(str(error)) from error
        if data:
            self.answer.feed(data)
        if ended:
            assert self._socket is not None
            self._unread = self._used and not self.answer.started and unread_by_peer(self._socket)
            self.answer.end_of_stream()
