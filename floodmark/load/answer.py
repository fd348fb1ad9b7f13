"""Parsing one HTTP/1.1 answer at a time, with httptools' C parser."""

from __future__ import annotations

from typing import Any

import httptools

from floodmark.load.failure import ConnectionLost, Malformed

MAX_HEAD_BYTES = 256 * 1024
KNOWN_BYTES = 16 * 1024
"""Longest answer that a connection remembers."""
KNOWN_ANSWERS = 100
MAX_BODY_BYTES = 64 * 1024 * 1024

_shared: dict[bytes, tuple[bytes, tuple[Any, ...]]] = {}


class AnswerParser:
    """Collects answers from one connection's bytes.

    ``done`` is set when an answer is complete; ``status``, ``headers``, ``body``, ``keep_alive`` then hold
    it until ``expect`` is called for the next. Interim 1xx answers are passed over.

    known: the last short one that came in one piece. Most servers repeat themselves but for the date: whoever receives
    these bytes again while nothing of the answer was ``touched`` yet may ``recall`` it instead of feeding them.
    """

    __slots__ = (
        "_bare_bytes",
        "_body_bytes",
        "_facts",
        "_framed",
        "_head_only",
        "_in_head",
        "_parser",
        "_parts",
        "body",
        "done",
        "headers",
        "keep_alive",
        "known",
        "sets_cookies",
        "spoilt",
        "status",
        "touched",
    )

    def __init__(self) -> None:
        self.known: bytes | None = None
        self._facts: tuple[Any, ...] = ()
        self.touched = False
        self.begin()
        self._reset()
        self.expect(False)

    def begin(self) -> None:
        """A new connection: forget the state of the one before, which may have announced its end."""
        self._parser: Any = None

    def expect(self, head_only: bool) -> None:
        """Get ready for the next answer; ``head_only`` for the answer to a HEAD request."""
        self.done = False
        if self.touched:
            self._reset()
        # An answer to HEAD is no other's, even where it has the same bytes.
        self._head_only = self.touched = head_only

    def _reset(self) -> None:
        """Forget what was parsed. After an answer that was known nothing was: its facts stay until others come."""
        self.touched = False
        self._parts: list[bytes] = []
        self.body = b""
        self._body_bytes = 0
        self._framed = False
        self._in_head = True
        self._bare_bytes = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.status = 0
        self.keep_alive = False
        self.spoilt = False
        self.sets_cookies = False

    @property
    def started(self) -> bool:
        """Whether any part of an answer has arrived."""
        return self._bare_bytes > 0 or not self._in_head

    def recall(self) -> None:
        """The known answer came again."""
        self.status, self.headers, self.body, self.keep_alive, self.sets_cookies = self._facts
        self.done = True

    def feed(self, data: bytes) -> None:
        """Take what was received.

        Raises Malformed for anything that is not an HTTP/1.x answer, or whose head, trailer or body does not end.
        """
        whole = not self.started
        if whole:
            self.headers, self.body, self.sets_cookies = [], b"", False  # which a known answer may have left
        self.touched = True
        body_bytes = self._body_bytes
        self._parse(data)
        if whole and self.done and not self.spoilt and not self._head_only and len(data) <= KNOWN_BYTES:
            self._learn(data)
        if not self.done:
            self._bare_bytes = self._bare_bytes + len(data) if self._body_bytes == body_bytes else 0
            if self._bare_bytes > MAX_HEAD_BYTES:
                raise Malformed(f"more than {MAX_HEAD_BYTES} bytes of a head or trailer that does not end")
        if self._body_bytes > MAX_BODY_BYTES:
            raise Malformed(f"the body of the answer is longer than {MAX_BODY_BYTES} bytes")

    def _learn(self, data: bytes) -> None:
        """Know this answer. Connections share what they know: one copy stays in the CPU's cache, thousands do not."""
        found = _shared.get(data)
        if found is None:
            if len(_shared) >= KNOWN_ANSWERS:
                _shared.clear()
            facts = (self.status, self.headers, self.body, self.keep_alive, self.sets_cookies)
            found = _shared[data] = data, facts
        self.known, self._facts = found

    def _parse(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete(keep_alive=False)
        except httptools.HttpParserError as error:
            if not self.done:
                raise Malformed(f"not an HTTP answer: {error}") from error
            self.spoilt = True

    def end_of_stream(self) -> None:
        """The server closed. Completes an answer that ends with the connection.

        Raises ConnectionLost for one that should have gone on.
        """
        if self.done:
            return
        if not self._in_head and not self._framed:
            self._complete(keep_alive=False)
            return
        raise ConnectionLost("closed in the middle of an answer" if self.started else "closed without an answer")

    # Callbacks of httptools, by its names.

    def on_message_begin(self) -> None:
        if self.done:
            self.spoilt = True  # bytes beyond the answer: nothing on this connection can be trusted any more

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.done:
            return
        self.headers.append((name, value))
        lowered = name.lower()
        if lowered == b"content-length":
            self._framed = True
        elif lowered == b"transfer-encoding":
            self._framed = value.lower().endswith(b"chunked")  # any other coding ends with the connection
        elif lowered == b"set-cookie":
            self.sets_cookies = True

    def on_headers_complete(self) -> None:
        if self.done:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            return
        self.status = status
        self._in_head = False
        if self._head_only:
            # llhttp cannot be told that no body follows: this parser is used up.
            self._complete(keep_alive=self._parser.should_keep_alive())
            self.begin()

    def on_body(self, data: bytes) -> None:
        if self.done:
            self.spoilt = True  # the body of an answer to HEAD, which has none
            return
        self._parts.append(data)
        self._body_bytes += len(data)

    def on_message_complete(self) -> None:
        if self.done:
            return
        if self._in_head:
            # End of an interim answer: the real one follows.
            self.headers = []
            self._framed = False
            return
        # llhttp resets itself after this callback: it must be asked now.
        self._complete(keep_alive=self._parser.should_keep_alive())

    def _complete(self, *, keep_alive: bool) -> None:
        parts = self._parts
        self.body = parts[0] if len(parts) == 1 else b"".join(parts)
        self.keep_alive = keep_alive
        self.done = True
