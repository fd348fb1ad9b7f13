"""The answer a line is reading: as few callbacks from the C parser as will do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httptools

from floodmark.load.answer import MAX_BODY_BYTES, MAX_HEAD_BYTES, AnswerParser
from floodmark.load.failure import Malformed


class Reply:
    """Collects answers from one connection's bytes; itself the parser's protocol.

    ``done`` is set when an answer is complete, ``status``, ``size`` and ``keep`` (alive)
    then hold it. body: all of a body that came in one piece, of a longer one the part in which ``wanted`` was
    found, or could still begin. spoilt: more came than the answer. begun: the bytes of an answer that did not come
    in one piece, up to where its body begins; bare: how many came since, or since the last of its body.
    """

    __slots__ = (
        "_feed",
        "_head",
        "_parser",
        "bare",
        "begun",
        "body",
        "done",
        "head_seen",
        "keep",
        "size",
        "spoilt",
        "status",
    )

    def __init__(self) -> None:
        self._parser: Any = None
        self._feed: Callable[[bytes], None]
        self._head: AnswerParser | None = None
        self.status = self.size = self.bare = 0
        self.body = self.begun = b""
        self.done = self.keep = self.spoilt = self.head_seen = False

    @property
    def wanted(self) -> bytes:
        """What the body of a good answer contains."""
        return b""

    def begin(self) -> None:
        """A new connection, a new parser: llhttp reads nothing after an answer that announced the end."""
        self._parser = self._head = None
        self.spoilt = self.head_seen = False
        self.size = self.bare = 0
        self.body = self.begun = b""

    def take(self, data: bytes, head_only: bool) -> None:
        """Take what was received; head_only for the answer to HEAD. ``done`` and ``size`` were reset before its first.

        Raises Malformed for what is not an HTTP/1.x answer, or is too long to be one.
        """
        if head_only:
            self._take_head(data)
            return
        size = self.size
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
            self._feed = self._parser.feed_data
        try:
            self._feed(data)
        except httptools.HttpParserUpgrade:
            self.keep = False
            self.done = True
        except httptools.HttpParserError as error:
            if not self.done:
                raise Malformed(f"not an HTTP answer: {error}") from error
            self.spoilt = True
        if not self.done:
            self._keep_partial(data, grew=self.size != size)
        if self.size > MAX_BODY_BYTES:
            raise Malformed(f"the body of the answer is longer than {MAX_BODY_BYTES} bytes")

    def _keep_partial(self, data: bytes, *, grew: bool) -> None:
        """More is to come. Keeps the head, which tells how the body is framed if the connection ends."""
        self.bare = 0 if grew else self.bare + len(data)
        if self.bare > MAX_HEAD_BYTES:
            raise Malformed(f"more than {MAX_HEAD_BYTES} bytes of a head or trailer that does not end")
        if not self.head_seen:
            self.begun += data
            self.head_seen = self.size > 0

    def _take_head(self, data: bytes) -> None:
        """Of an answer that ends with its head, which llhttp cannot be told."""
        head = self._head
        if head is None:
            head = self._head = AnswerParser()
            head.expect(True)
        head.feed(data)
        if not head.done:
            self.begun += data
            return
        self._head = None
        self.status, self.keep, self.spoilt, self.body, self.done = head.status, head.keep_alive, head.spoilt, b"", True

    def settle(self) -> None:
        """The answer is over: get ready for the next on this connection."""
        self.begun = b""
        self.bare = 0
        self.head_seen = False

    def end_of_stream(self) -> None:
        """The server closed. Completes an answer that ends with the connection.

        Raises ConnectionLost for one that should have gone on, Malformed for none.
        """
        head = AnswerParser()
        head.feed(self.begun)
        head.end_of_stream()
        self.status, self.keep, self.done = head.status, False, True

    # Callbacks of httptools, by its names.

    def on_message_begin(self) -> None:
        if self.done:
            self.spoilt = True  # bytes beyond the answer: nothing on this connection can be trusted any more
        else:
            self.size = 0
            self.body = b""

    def on_body(self, data: bytes) -> None:
        if self.done:
            return
        if not self.size:
            self.body = data
        elif self.wanted not in self.body:
            # Only as much of a long body is kept as the marker could still begin in.
            self.body = self.body[-len(self.wanted) :] + data
        self.size += len(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.done or (100 <= status < 200 and status != 101):
            return
        self.status = status
        # llhttp resets itself after this callback: it must be asked now.
        self.keep = self._parser.should_keep_alive()
        self.done = True
