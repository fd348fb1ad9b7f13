"""One step user's connection: takes answers in, and goes on with what comes next."""

from __future__ import annotations

import os
import time
from collections import deque

from floodmark.load.failure import BadStatus, Malformed, RequestFailed, WrongBody
from floodmark.load.step_driver.sender import Sender, State
from floodmark.load.wire import STAMP, STAMP_SPACE, more_room, unread_by_peer

# Looked up once: these stand in the path of every request.
_AWAITING = State.AWAITING
_unpack_stamp = STAMP.unpack
_now = time.time
_write = os.write  # gets to the kernel on a shorter way than a socket's send


def send_next(lines: deque[Line]) -> None:
    """Take down the answer of each, known to be good, and send its user's next request.

    For many at once: the kernel's ways of receiving and of sending do not both fit into a CPU's caches.
    """
    while lines:
        line = lines.popleft()
        if line.sock is None:
            continue  # its user was stopped while a listener of another's failure waited for something
        leg = line.leg
        tally = leg.tally
        tally.sent.append(line.sent)
        tally.stamps += line.stamp
        line.sent = now = _now()
        tally.again.append(now)
        line.leg = leg = leg.after
        if tally.closes:
            line.connect_again()
            continue
        try:
            sent = _write(line.fd, leg.message)
        except OSError:
            sent = 0  # an error comes up again when the rest is sent
        if sent != leg.length:
            line.send_later(sent)


class Line(Sender):
    """The receiving half.

    The lane calls ``fire`` to send the next request, the pump ``ready`` or ``writable`` when the socket is so; the
    line calls ``lane.answered`` or ``lane.failed`` when the request is over.
    """

    __slots__ = ()

    def ready(self) -> Line | None:
        """The socket can be read, or has failed. Returns itself where ``send_next`` is all that remains to be done."""
        receive = self._recvmsg
        try:
            data, ancillary, _, _ = receive(self.room_bytes, STAMP_SPACE)
        except OSError as error:
            self.lane.pump.send_on()
            self._unreadable(error)
            return None
        if data == self.leg.tally.known and self.at_once and ancillary and not self.begun:
            # The path of nearly every request: an answer known to be good, to a user who goes on at once.
            self.stamp = ancillary[0][2]
            return self
        self.lane.pump.send_on()
        self._take_in(data, ancillary)
        return None

    def _take_in(self, data: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        if self.state is not _AWAITING:
            self.close()  # idle: the server closed, or sent what nobody asked for
            return
        if not data:
            self._end_of_stream()
            return
        if len(data) == self.room_bytes:
            self.room_bytes = more_room(self.room_bytes)
        leg = self.leg
        try:
            self.take(data, leg.head_only)
        except Malformed as error:
            self.abort(error)
            return
        if not self.done:
            return
        if self.begun:
            self.settle()
        elif not self.spoilt and 100 <= self.status < 400 and leg.expect in self.body:
            leg.tally.learn(data, self.size, closes=leg.closes or not self.keep)
        if ancillary:
            seconds, nanoseconds = _unpack_stamp(ancillary[0][2])
            self._over(seconds + nanoseconds * 1e-9)
        else:
            self._over(_now())

    def _over(self, ended: float) -> None:
        """The answer is complete."""
        leg = self.leg
        if not self.keep or self.spoilt or leg.closes:
            self.close()
        if not 100 <= self.status < 400:
            self.lane.failed(self, BadStatus(f"{self.status} {leg.step.path}"), ended)
        elif leg.expect not in self.body:
            lacking = leg.expect.decode(errors="replace")
            self.lane.failed(self, WrongBody(f"{leg.step.path}: the body lacks {lacking!r}"), ended)
        else:
            self.lane.answered(self, ended, self.size)

    def _unreadable(self, error: OSError) -> None:
        if isinstance(error, BlockingIOError):
            return
        if self.state is _AWAITING:
            self._lost(str(error), unread=self._reused and not self.begun and not self.spoilt)
        else:
            self.close()

    def _end_of_stream(self) -> None:
        assert self.sock is not None
        if not self.begun:
            unread = self._reused and not self.spoilt and unread_by_peer(self.sock)
            self._lost("closed without an answer", unread=unread)
            return
        try:
            self.end_of_stream()
        except RequestFailed as error:
            self.abort(error)
        else:
            self._over(_now())
