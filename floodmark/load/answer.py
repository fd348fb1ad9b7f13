"""Reads HTTP/1.1 answers from a connection's bytes, one at a time, with httptools' C parser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httptools

from floodmark.load.failure import ConnectionLost, Malformed

MAX_HEAD_BYTES = 256 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024

Fields = list[tuple[bytes, bytes]]


class Answer:
    """One complete answer."""

    __slots__ = ("_headers", "body", "head", "keep_alive", "raw", "sets_cookies", "size", "status")

    def __init__(self, status: int, head: bytes, body: bytes, size: int, *, keep_alive: bool) -> None:
        self.status = status
        self.head = head
        """The bytes of the status line and the headers. More may precede or follow them."""
        self.body = body
        """The whole body, or the part of it that was kept: see ``AnswerParser.feed``."""
        self.size = size
        """Bytes of the whole body."""
        self.keep_alive = keep_alive
        """Whether the connection can carry another request."""
        self.sets_cookies = b"set-cookie" in head.lower()
        """Whether it is worth looking for cookies in the headers."""
        self.raw: bytes | None = None
        """All its bytes, if they were received in one piece and nothing else with them."""
        self._headers: Fields | None = None

    @property
    def headers(self) -> Fields:
        """Names and values, in the order in which they came."""
        if self._headers is None:
            reader = HeadReader()
            reader.feed(self.head)
            self._headers = reader.headers
        return self._headers


NO_ANSWER = Answer(0, b"", b"", 0, keep_alive=False)
"""Stands for the answer where there is none. Its ``raw`` equals nothing that can be received."""


class AnswerParser:
    """Reads the answers of one connection. Interim answers (1xx) are skipped."""

    __slots__ = (
        "_bare_bytes",
        "_done",
        "_head",
        "_head_reader",
        "_keep_alive",
        "_marker",
        "_parser",
        "_parts",
        "_size",
        "_status",
        "spoilt",
    )

    def __init__(self) -> None:
        self._marker: bytes | None = None
        self.begin()

    def begin(self) -> None:
        """Start on a new connection. The state of the last one may say that nothing follows."""
        self._parser: Any = None
        self.spoilt = False
        """Whether more than the answer came. Nothing on this connection can be trusted any more."""
        self._reset()

    def _reset(self) -> None:
        self._done = False
        self._head = b""  # what came in earlier pieces, up to where the body begins
        self._head_reader: HeadReader | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._bare_bytes = 0  # received since the last byte of the body
        self._status = 0
        self._keep_alive = False

    def feed(self, data: bytes, marker: bytes | None = None, *, head_only: bool = False) -> Answer | None:
        """Take what was received. Returns the answer once it is complete.

        marker: keep no more of a long body than it takes to tell whether it contains these bytes; None keeps all of
        it. head_only: this is the answer to a HEAD request.

        Raises Malformed for anything that is not an HTTP/1.x answer, or whose head, trailer or body does not end.
        """
        if head_only:
            return self._feed_head(data)
        self._marker = marker
        size = self._size
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._done = True
            self._keep_alive = False
        except httptools.HttpParserError as error:
            if not self._done:
                raise Malformed(f"not an HTTP answer: {error}") from error
            self.spoilt = True
        if self._size > MAX_BODY_BYTES:
            raise Malformed(f"the body of the answer is longer than {MAX_BODY_BYTES} bytes")
        in_one_piece = not self._head
        if not size:
            # No body came before, so whatever is not body comes first, and the head is in it.
            self._head += data[: len(data) - self._size]
        if not self._done:
            self._count_bare(0 if self._size != size else self._bare_bytes + len(data))
            return None
        answer = self._answer(keep_alive=self._keep_alive)
        if in_one_piece and not self.spoilt:
            answer.raw = data
        self._reset()
        return answer

    def _feed_head(self, data: bytes) -> Answer | None:
        """The C parser cannot be told that no body follows, so each such answer needs a parser of its own."""
        reader = self._head_reader
        if reader is None:
            reader = self._head_reader = HeadReader()
        reader.feed(data)
        self._head += data
        if not reader.complete:
            self._count_bare(self._bare_bytes + len(data))
            return None
        self._status, self.spoilt = reader.status, reader.spoilt
        answer = self._answer(keep_alive=reader.keep_alive)
        self._reset()
        return answer

    def end_of_stream(self) -> Answer:
        """The server closed. Returns the answer if it is one that ends with the connection.

        Raises ConnectionLost if there should have been more of it.
        """
        if not self._head:
            raise ConnectionLost("closed without an answer")
        reader = HeadReader()
        reader.feed(self._head)
        if not reader.complete or _is_framed(reader.headers):
            raise ConnectionLost("closed in the middle of an answer")
        self._status = reader.status
        return self._answer(keep_alive=False)

    def _answer(self, *, keep_alive: bool) -> Answer:
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return Answer(self._status, self._head, body, self._size, keep_alive=keep_alive)

    def _count_bare(self, count: int) -> None:
        self._bare_bytes = count
        if count > MAX_HEAD_BYTES:
            raise Malformed(f"more than {MAX_HEAD_BYTES} bytes of a head or trailer that does not end")

    # Callbacks of httptools, by its names. As few as will do: each costs as much as the parsing itself.

    def on_message_begin(self) -> None:
        if self._done:
            self.spoilt = True

    def on_body(self, data: bytes) -> None:
        if self._done:
            return
        parts, marker = self._parts, self._marker
        if marker is None or not parts:
            parts.append(data)
        elif marker not in parts[0]:
            # Only as much of a long body is kept as the marker could still begin in.
            parts[0] = parts[0][-len(marker) :] + data
        self._size += len(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._done or _is_interim(status):
            return
        self._status = status
        # The C parser resets itself after this callback, so it must be asked now.
        self._keep_alive = self._parser.should_keep_alive()
        self._done = True


class HeadReader:
    """Reads the head of one answer, and pays no attention to its body."""

    def __init__(self) -> None:
        self.headers: Fields = []
        self.status = 0
        self.complete = False
        self.keep_alive = False
        self.spoilt = False
        """Whether anything that belongs to no head came after it."""
        self._parser: Any = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what was received. Raises Malformed if the head is none."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.complete = True
            self.keep_alive = False
        except httptools.HttpParserError as error:
            if not self.complete:
                raise Malformed(f"not an HTTP answer: {error}") from error
            self.spoilt = True

    # Callbacks of httptools, by its names.

    def on_message_begin(self) -> None:
        if self.complete:
            self.spoilt = True
        else:
            self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.complete or _is_interim(status):
            return
        self.status = status
        self.keep_alive = self._parser.should_keep_alive()
        self.complete = True

    def on_body(self, data: bytes) -> None:
        if self.complete:
            self.spoilt = True


def _is_interim(status: int) -> bool:
    return 100 <= status < 200 and status != 101


def _is_framed(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether these headers say where the body ends, so that the end of the connection is not its end."""
    framed = False
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"content-length":
            framed = True
        elif lowered == b"transfer-encoding":
            framed = value.lower().endswith(b"chunked")  # any other coding ends with the connection
    return framed
