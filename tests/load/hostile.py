"""What a hostile server may say, as Hypothesis strategies: answers, answers spoilt, and how they are cut."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import gevent
from hypothesis import strategies as st

from tests.load.scripted import Peer, reset

MARK = b"floodmark"
"""What the body of a good answer contains."""
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(MARK), MARK)


@dataclass(frozen=True, kw_only=True)
class ValidAnswer:
    """A valid answer and what it says. until_close: its body ends with the connection."""

    raw: bytes
    status: int
    body: bytes
    keep: bool
    head_only: bool
    until_close: bool


def _chunked(body: bytes, sizes: Sequence[int], extension: bytes, trailer: bytes) -> bytes:
    pieces = []
    for size in sizes:
        piece, body = body[:size], body[size:]
        if piece:
            pieces.append(piece)
    if body:
        pieces.append(body)
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces) + b"0\r\n" + trailer + b"\r\n"


BODIES = st.one_of(
    st.just(b""),
    st.just(MARK),
    st.binary(max_size=40),
    st.builds(lambda before, after: before + MARK + after, st.binary(max_size=30), st.binary(max_size=30)),
)
FIELDS = st.lists(
    st.sampled_from(
        [b"Server: x", b"X-Empty:", b"Set-Cookie: a=1; Path=/", b"Date: now", b"Vary: \xe4", b"X: " + b"y" * 99]
    ),
    max_size=3,
)
INTERIM = st.lists(
    st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]), max_size=2
)


@st.composite
def answers(draw: st.DrawFn, *, head_only: bool = False) -> ValidAnswer:
    """Anything that RFC 9112 lets a server say."""
    status = draw(st.sampled_from([200, 200, 200, 201, 204, 206, 302, 304, 404, 500]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"]))
    connection = draw(st.sampled_from([b"", b"", b"close", b"keep-alive"]))
    bodiless = status in {204, 304}
    body = b"" if bodiless else draw(BODIES)
    framing = draw(st.sampled_from(["length", "chunked", "until close", "coded"])) if not bodiless else "none"
    fields = draw(FIELDS)
    if connection:
        fields = [*fields, b"Connection: " + connection]
    wire = body
    if framing == "length":
        fields = [*fields, b"Content-Length: %d" % len(body)]
    elif framing == "chunked":
        fields = [*fields, b"Transfer-Encoding: chunked"]
        extension = draw(st.sampled_from([b"", b"", b";a=1"]))
        trailer = draw(st.sampled_from([b"", b"", b"X-Sum: 1\r\n"]))
        wire = _chunked(body, draw(st.lists(st.integers(1, 9), max_size=6)), extension, trailer)
    elif framing == "coded":
        fields = [*fields, b"Transfer-Encoding: gzip"]
    until_close = framing in {"until close", "coded"}
    head = b"HTTP/%s %d %s\r\n" % (version, status, draw(st.sampled_from([b"OK", b"", b"What is this"])))
    before = draw(st.sampled_from([b"", b"", b"", b"\r\n"]))  # parsers are to put up with it
    raw = before + b"".join(draw(INTERIM)) + head + b"".join(line + b"\r\n" for line in fields) + b"\r\n"
    keep = connection == b"keep-alive" or (version == b"1.1" and connection != b"close")
    if head_only:
        return ValidAnswer(raw=raw, status=status, body=b"", keep=keep, head_only=True, until_close=False)
    keep = keep and not until_close
    return ValidAnswer(raw=raw + wire, status=status, body=body, keep=keep, head_only=False, until_close=until_close)


TOKENS = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\x00",
        b"\xff",
        b":",
        b"-1",
        b"+5",
        b"0",
        b"99999999999999999999",
        b"0\r\n\r\n",
        b"5\r\n",
        b"fffffffffffffffff\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Connection: close\r\n",
        b"Connection: upgrade\r\nUpgrade: h2c\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfloodmark",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 042 Odd\r\n\r\n",
        b"HTTP/1.1 000 Odd\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        MARK,
    ]
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """An answer, or several, with some bytes lost, doubled, changed or added; or nothing of the kind."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=60))
    raw = b"".join(answer.raw for answer in draw(st.lists(answers(), min_size=1, max_size=2)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw)))
        how = draw(st.sampled_from(["truncate", "lose", "repeat", "change", "add", "add", "add", "length"]))
        if how == "truncate":
            raw = raw[:at]
        elif how == "lose":
            raw = raw[:at] + raw[at + draw(st.integers(1, 9)) :]
        elif how == "repeat":
            raw = raw[:at] + raw[max(0, at - draw(st.integers(1, 30))) :]
        elif how == "change":
            raw = raw[:at] + draw(st.binary(min_size=1, max_size=1)) + raw[at + 1 :]
        elif how == "add":
            raw = raw[:at] + draw(TOKENS) + raw[at:]
        else:
            raw = raw.replace(b"Content-Length: ", b"Content-Length: " + draw(TOKENS), 1)
    return raw


CUTS = st.one_of(
    st.just([1] * 2000),
    st.lists(st.integers(1, 60), max_size=20),
    st.lists(st.integers(1, 5), max_size=60),
)
"""Lengths of the pieces that a stream arrives in, before the rest of it."""


def cut(raw: bytes, lengths: Sequence[int]) -> list[bytes]:
    """The stream in pieces."""
    pieces, at = [], 0
    for length in lengths:
        if at >= len(raw):
            break
        pieces.append(raw[at : at + length])
        at += length
    if raw[at:]:
        pieces.append(raw[at:])
    return pieces


@dataclass(frozen=True)
class Turn:
    """What a server does with one request it has read."""

    pieces: list[bytes]
    then: str


@dataclass(frozen=True)
class Visit:
    """What a server does with one connection: greets, answers each request in its turn, then is silent."""

    greeting: str
    turns: list[Turn]


TURNS = st.builds(
    Turn,
    st.builds(
        cut, st.one_of(answers().map(lambda answer: answer.raw), spoilt()), st.lists(st.integers(1, 60), max_size=3)
    ),
    st.sampled_from(["keep", "keep", "keep", "keep", "close", "reset", "late reset", "drip", "stall", "shut"]),
)
VISITS = st.lists(
    st.builds(
        Visit,
        st.sampled_from(["", "", "", "", "close", "reset", "speak"]),
        st.lists(TURNS, min_size=1, max_size=3),
    ),
    min_size=2,
    max_size=5,
)
"""Connections are treated in this order, and again."""


@dataclass
class Hostile:
    """A server that follows its visits until it is ``calm``, and then answers as it should.

    seen: requests it has read. resets: how many of them it answered with a reset connection.
    """

    visits: list[Visit]
    calm: bool = False
    seen: int = 0
    resets: int = 0

    def __call__(self, peer: Peer) -> None:
        visit = self.visits[peer.number % len(self.visits)]
        if not self.calm:
            if visit.greeting == "speak":
                peer.send(b"220 smtp\r\n")
            elif visit.greeting:
                _end(peer, visit.greeting)
                return
        for turn in itertools.chain(visit.turns, itertools.repeat(Turn([], "stall"))):
            if peer.request() is None:
                return
            self.seen += 1
            if self.calm:
                peer.send(GOOD)
            elif not self._serve(peer, turn):
                return

    def _serve(self, peer: Peer, turn: Turn) -> bool:
        """Whether the connection goes on."""
        for piece in turn.pieces:
            peer.send(piece)
            gevent.sleep(0)
        if turn.then == "stall":
            while not self.calm:
                gevent.sleep(0.01)
        elif turn.then == "drip":
            while not self.calm:
                peer.send(b"x")
                gevent.sleep(0.01)
        elif turn.then != "keep":
            if turn.then == "late reset":
                gevent.sleep(0.1)
            self.resets += "reset" in turn.then
            _end(peer, turn.then)
        return turn.then == "keep"


def _end(peer: Peer, how: str) -> None:
    if "reset" in how:
        reset(peer)
    elif how == "shut":
        peer.socket.shutdown(socket.SHUT_WR)
        peer.request()
