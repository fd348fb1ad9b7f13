"""Ways to read an answer from the pieces it came in, which must agree: our parser's, and a plain one's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import httptools

from floodmark.load import answer as limits
from floodmark.load.answer import AnswerParser
from floodmark.load.failure import ConnectionLost, Malformed, RequestFailed
from tests.load.hostile import MARK


class Outcome(NamedTuple):
    """How reading an answer ended: ``done``, ``open`` (more is to come) or the failure's type."""

    how: str | type[RequestFailed]
    status: int = 0
    size: int = 0
    marked: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Reader(Protocol):
    """Reads the answers of one connection."""

    @property
    def reusable(self) -> bool:
        """Whether the connection can be used again after the last answer."""

    def read(self, pieces: Sequence[bytes], *, head_only: bool, ends: bool) -> Outcome: ...
    def renew(self) -> None: ...


class OurReader:
    """Our parser, driven as a connection does. marker: as for the step client; None: as for the lean one."""

    def __init__(self, marker: bytes | None) -> None:
        self._parser = AnswerParser()
        self._marker = marker
        self.reusable = False

    def read(self, pieces: Sequence[bytes], *, head_only: bool, ends: bool) -> Outcome:
        parser, answer = self._parser, None
        try:
            for piece in pieces:
                answer = parser.feed(piece, self._marker, head_only=head_only)
                if answer is not None:
                    break
            if ends and answer is None:
                answer = parser.end_of_stream()
        except RequestFailed as error:
            return Outcome(type(error))
        if answer is None:
            return Outcome("open")
        self.reusable = answer.keep_alive and not parser.spoilt
        assert answer.raw in {None, pieces[0]}
        if self._marker is None:
            assert len(answer.body) == answer.size
        return Outcome("done", answer.status, answer.size, MARK in answer.body, tuple(answer.headers))

    def renew(self) -> None:
        self._parser.begin()


class PlainReader:
    """Everything in the callbacks of httptools, and nothing remembered or put off."""

    def __init__(self) -> None:
        self._parser: Any = None
        self._begin()

    def _begin(self) -> None:
        self._head_only = self._done = self._framed = self._spoilt = self._keep_alive = False
        self._in_head = True
        self._headers: list[tuple[bytes, bytes]] = []
        self._status = self._bare_bytes = 0
        self._body = b""

    @property
    def reusable(self) -> bool:
        return self._keep_alive and not self._spoilt

    def renew(self) -> None:
        self._parser = None

    def read(self, pieces: Sequence[bytes], *, head_only: bool, ends: bool) -> Outcome:
        self._begin()
        self._head_only = head_only
        try:
            for piece in pieces:
                self._feed(piece)
                if self._done:
                    break
            if ends and not self._done:
                self._end_of_stream()
        except RequestFailed as error:
            return Outcome(type(error))
        if not self._done:
            return Outcome("open")
        return Outcome("done", self._status, len(self._body), MARK in self._body, tuple(self._headers))

    def _feed(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        body_bytes = len(self._body)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete(keep_alive=False)
        except httptools.HttpParserError as error:
            if not self._done:
                raise Malformed(f"not an HTTP answer: {error}") from error
            self._spoilt = True
        if not self._done:
            self._bare_bytes = self._bare_bytes + len(data) if len(self._body) == body_bytes else 0
        if self._bare_bytes > limits.MAX_HEAD_BYTES or len(self._body) > limits.MAX_BODY_BYTES:
            raise Malformed("too long")

    def _end_of_stream(self) -> None:
        if self._in_head or self._framed:
            raise ConnectionLost("closed")
        self._complete(keep_alive=False)

    def _complete(self, *, keep_alive: bool) -> None:
        self._keep_alive = keep_alive
        self._done = True

    def on_message_begin(self) -> None:
        self._spoilt |= self._done

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._done or not self._in_head:
            return  # beyond the answer, or its trailer
        self._headers.append((name, value))
        if name.lower() == b"content-length":
            self._framed = True
        elif name.lower() == b"transfer-encoding":
            self._framed = value.lower().endswith(b"chunked")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._done or (100 <= status < 200 and status != 101):
            return
        self._status = status
        self._in_head = False
        if self._head_only:
            self._complete(keep_alive=self._parser.should_keep_alive())
            self._parser = None  # it waits for a body that does not come

    def on_body(self, data: bytes) -> None:
        self._spoilt |= self._done
        if not self._done:
            self._body += data

    def on_message_complete(self) -> None:
        if self._done:
            return
        if self._in_head:
            self._headers, self._framed = [], False  # an interim answer: the real one follows
            return
        self._complete(keep_alive=self._parser.should_keep_alive())


def readers() -> list[Reader]:
    return [OurReader(None), OurReader(MARK), PlainReader()]
