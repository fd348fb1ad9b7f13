"""How a request can fail, as exceptions and as kinds."""

from __future__ import annotations

from locust.exception import ResponseError

from floodmark.stats.window import ErrorKind


class RequestFailed(ResponseError):  # noqa: N818 - as Locust words its own
    """Base of what the client raises; ``kind`` says which column counts it."""

    kind = ErrorKind.RESET


class ConnectionRefused(RequestFailed):
    """Nobody listens there, or the connection could not be made."""

    kind = ErrorKind.REFUSED


class TimedOut(RequestFailed):
    """No complete answer in time."""

    kind = ErrorKind.TIMEOUT


class ConnectionLost(RequestFailed):
    """The connection ended before the answer was complete."""

    kind = ErrorKind.RESET


class NotSent(ConnectionLost):
    """It ended before any of the request was sent."""


class BadStatus(RequestFailed):
    """A status of 400 or more."""

    kind = ErrorKind.HTTP


class Malformed(RequestFailed):
    """What came is not an HTTP/1.1 answer."""

    kind = ErrorKind.HTTP


class WrongBody(RequestFailed):
    """A complete answer that is not the expected one."""

    kind = ErrorKind.BODY


_BY_NAME = {
    "ConnectionRefusedError": ErrorKind.REFUSED,
    "ConnectTimeout": ErrorKind.TIMEOUT,
    "ReadTimeout": ErrorKind.TIMEOUT,
    "Timeout": ErrorKind.TIMEOUT,
    "TimeoutError": ErrorKind.TIMEOUT,
    "HTTPError": ErrorKind.HTTP,
    "BadStatusCode": ErrorKind.HTTP,
    "CatchResponseError": ErrorKind.BODY,
}


def kind_of(exception: BaseException) -> ErrorKind:
    """The kind of any user class's exception: ours by what it says, others by their type and cause."""
    if isinstance(exception, RequestFailed):
        return exception.kind
    for kind in type(exception).__mro__:
        if kind.__name__ in _BY_NAME:
            return _BY_NAME[kind.__name__]
    text = str(exception)
    if "refused" in text:
        return ErrorKind.REFUSED
    if "timed out" in text:
        return ErrorKind.TIMEOUT
    return ErrorKind.RESET
