"""One user's HTTP/1.1 connection: sends a request, reads its whole answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from gevent import getcurrent

from floodmark.load.answer import AnswerParser
from floodmark.load.failure import ConnectionLost, ConnectionRefused, NotSent
from floodmark.load.raw_socket import RawSocket
from floodmark.load.tls import TlsFailed
from floodmark.load.wire import STAMP, Address, unread_by_peer

# Looked up once: these stand in the path of every request.
_unpack_stamp = STAMP.unpack
_monotonic = time.monotonic
_now = time.time
_write = os.write  # gets to the kernel on a shorter way than a socket's send


class Connection(RawSocket):
    """Connects on first use, and again after the server or an error closed it.

    asked: when the last request began to wait for its turn, epoch s, 0 for one that did not. departs: called with it
    when a request leaves; returns when that is. started: when the last one left, epoch s, 0 for one that never did.
    reconnected: whether the last one had to be sent again, because the server had closed the idle connection before it
    could read any of it.
    """

    __slots__ = (
        "_connect_s",
        "_departs",
        "_request",
        "_stuck",
        "_unread",
        "_used",
        "answer",
        "asked",
        "reconnected",
        "started",
    )

    def __init__(
        self,
        locate: Callable[[], Address],
        opened: Callable[[], None],
        departs: Callable[[float], float],
        tls_host: str | None = None,
    ) -> None:
        super().__init__(locate, opened, tls_host)
        self.answer = AnswerParser()
        self._departs = departs
        self._request: bytes | None = None  # that has to leave still
        self._stuck: int | OSError | None = None  # bytes sent of one that did not leave whole, or why
        self._used = self._unread = False
        self.asked = self._connect_s = self.started = 0.0
        self.reconnected = False

    def exchange(self, request: bytes, head_only: bool, connect_timeout_s: float, timeout_s: float) -> float:
        """Send a request and read its whole answer into ``answer``.

        Returns the moment the answer was complete, epoch s: the kernel's receive stamp of its last segment
        where there is one, so that a busy generator does not lengthen it. Raises ConnectionRefused,
        TimedOut, ConnectionLost or Malformed, and closes the connection then.
        """
        answer = self.answer
        self.greenlet = getcurrent()
        self.reconnected = False
        self.started = 0.0
        self._connect_s = connect_timeout_s
        self._until = _monotonic() + timeout_s
        try:
            try:
                received = self._converse(request, answer, head_only)
            except ConnectionLost:
                if not self._unread:
                    raise
                self.close()
                self.reconnected = True
                received = self._converse(request, answer, head_only)
        except BaseException:
            self.close()
            raise
        finally:
            self._request = None
            self.deadline = 0.0
        self._used = True
        if not answer.keep_alive or answer.spoilt:
            self.close()
        return received

    def depart(self) -> bool:
        """Send the request that waits, by a new connection where there is none.

        In its user's greenlet or, for many users one after the other, in the hub. Returns False for one that did not
        leave whole: its greenlet has to see to it. Raises ConnectionRefused.
        """
        request = self._request
        if request is None:
            return True  # its user was killed while it waited
        self._request = None
        if not self.reconnected:
            self.started = self._departs(self.asked)
            if self.asked:
                self._until += self.started - self.asked  # its time counts from when it left
        if self._socket is None:
            self._used = False
            self.deadline = min(_monotonic() + self._connect_s, self._until)
            self._connect(len(request))
            self.answer.begin()
        else:
            self.deadline = self._until
        try:
            sent = 0 if self._tls is not None else _write(self._fd, request)
        except OSError as error:
            self._stuck = error
            return False
        if sent and self._fresh:
            self._begin()
        if sent != len(request):
            self._stuck = sent
            return False
        return True

    def _converse(self, request: bytes, answer: AnswerParser, head_only: bool) -> float:
        """Nearly every request takes this path from end to end: in one piece, as a call costs more than it does."""
        received = 0.0
        hub, reactor = self._hub, self._inbox
        if answer.touched or head_only:
            answer.expect(head_only)
        else:
            answer.done = False
        self._unread = False
        self._request = request
        if reactor.turning and self.prompt:
            self.asked = _now()
            reactor.outgoing.append(self)
        else:
            self.asked = 0.0
            if not self.depart():
                received = self._see_to(request)
        while not answer.done:
            self.reading = True
            hub.switch()
            arrived = self.arrived
            if arrived is None:
                received = self._see_to(request)
                continue
            data, ancillary, _, _ = arrived
            if ancillary:
                seconds, nanoseconds = _unpack_stamp(ancillary[0][2])
                received = seconds + nanoseconds * 1e-9
            else:
                received = _now()
            if data == answer.known and not answer.touched:
                # Its facts stand still, where it was the last one too.
                if answer.status:
                    answer.done = True
                else:
                    answer.recall()
            else:
                self._take(data)
        return received

    def _see_to(self, request: bytes) -> float:
        """The request did not leave whole, or the socket gave nothing. As ``_send``; raises what failed."""
        stuck, self._stuck = self._stuck, None
        if isinstance(stuck, OSError):
            return self._send(request, failed=stuck)
        if stuck is not None:
            return self._send(request, stuck)
        error = self.failed
        assert error is not None
        if not isinstance(error, OSError):
            raise error
        self._unread = self._used and not self.answer.started
        raise ConnectionLost(str(error)) from error

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
