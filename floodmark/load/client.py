"""The HTTP client of one user: what Locust users know, on one lean connection."""

from __future__ import annotations

import json as jsonlib
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from urllib.parse import urlencode, urlsplit

import gevent

from floodmark.load.connection import Connection, resolve
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import BadStatus, ConnectionLost, ConnectionRefused, RequestFailed, WrongBody
from floodmark.load.response import CaughtResponse, Response

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.user.users import User

CONNECT_TIMEOUT_S = 5.0
TIMEOUT_S = 10.0
BACK_OFF_FIRST_S = 0.05
BACK_OFF_MOST_S = 1.0


class Options(TypedDict, total=False):
    """Keywords of every request.

    name: label in the statistics instead of the path. params: query. expect: bytes the answer's body must
    contain, or the request counts as failed. context: handed on to listeners of the request event.
    catch_response: the answer is used in a ``with`` block that says whether it is good.
    """

    name: str | None
    params: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    expect: bytes | None
    context: Mapping[str, Any] | None
    catch_response: bool


Data = str | bytes | Mapping[str, str] | None
"""A request's body; a mapping is sent as a form."""


class OptionsWithBody(Options, total=False):
    """Keywords of a request that may have a body. json: body as JSON, where there is no data."""

    data: Data
    json: Any


class LeanClient:
    """Sends requests one at a time over one keep-alive connection, and reports each to Locust.

    Answers are read whole; redirects are not followed. Nothing is retried, except once when the server had
    closed the idle connection before the request could reach it. A failed request does not raise: the error
    stands in ``response.error``.
    """

    def __init__(self, environment: Environment, base_url: str, user: User | None = None) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"host {base_url!r}: must be http://NAME[:PORT]")
        self.base_url = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        self._fire: Callable[..., None] = environment.events.request.fire
        self._user = user
        self._connection = Connection(resolve(parts.hostname, parts.port or 80), CONTROLS.recorder.opened)
        self._common = f"Host: {parts.netloc}\r\nUser-Agent: floodmark\r\nAccept: */*\r\n".encode()
        self._messages: dict[tuple[str, str], bytes] = {}
        self._generation = -1
        self._back_off_s = 0.0
        self.cookies: dict[str, str] = {}
        self.connect_timeout_s = CONNECT_TIMEOUT_S
        self.timeout_s = TIMEOUT_S

    def request(self, method: str, path: str, **options: Unpack[OptionsWithBody]) -> CaughtResponse:
        """Send one request and read its whole answer."""
        if options.get("params"):
            path = f"{path}{'&' if '?' in path else '?'}{urlencode(options['params'] or {})}"
        message = self._message(method, path, options)
        if CONTROLS.generation != self._generation:
            self._renew()
        started, ms, error = self._exchange(message, head_only=method == "HEAD")
        answer = self._connection.answer
        if error is None:
            error = _judge(answer.status, answer.body, path, options.get("expect"))
            if answer.sets_cookies:
                self._keep_cookies(answer.headers)
        answered = error is None or isinstance(error, BadStatus | WrongBody)

        def report(response: Response, failure: BaseException | None) -> None:
            context = self._user.context() if self._user is not None else {}
            self._fire(
                request_type=method,
                name=options.get("name") or path,
                response_time=ms,
                response_length=len(response.content),
                response=response,
                context={**context, **(options.get("context") or {})},
                exception=failure,
                start_time=started,
                url=response.url,
            )

        response = CaughtResponse(
            self.base_url + self._prefix + path,
            answer.status if answered else 0,
            answer.headers if answered else [],
            answer.body if answered else b"",
            error,
            report,
        )
        if not options.get("catch_response"):
            response.report()
        if self._back_off_s:
            gevent.sleep(self._back_off_s)
        return response

    def get(self, path: str, **options: Unpack[Options]) -> CaughtResponse:
        return self.request("GET", path, **options)

    def head(self, path: str, **options: Unpack[Options]) -> CaughtResponse:
        return self.request("HEAD", path, **options)

    def options(self, path: str, **options: Unpack[Options]) -> CaughtResponse:
        return self.request("OPTIONS", path, **options)

    def delete(self, path: str, **options: Unpack[Options]) -> CaughtResponse:
        return self.request("DELETE", path, **options)

    def post(self, path: str, data: Data = None, json: Any = None, **options: Unpack[Options]) -> CaughtResponse:
        return self.request("POST", path, data=data, json=json, **options)

    def put(self, path: str, data: Data = None, json: Any = None, **options: Unpack[Options]) -> CaughtResponse:
        return self.request("PUT", path, data=data, json=json, **options)

    def patch(self, path: str, data: Data = None, json: Any = None, **options: Unpack[Options]) -> CaughtResponse:
        return self.request("PATCH", path, data=data, json=json, **options)

    def close(self) -> None:
        """Close the connection; the next request makes a new one."""
        self._connection.close()

    def _exchange(self, message: bytes, *, head_only: bool) -> tuple[float, float, RequestFailed | None]:
        """Returns the start (epoch s), the latency in ms and what went wrong."""
        connection, recorder = self._connection, CONTROLS.recorder
        started = recorder.enter()
        try:
            for attempt in range(2):
                try:
                    ended = connection.exchange(
                        message,
                        head_only=head_only,
                        connect_timeout_s=self.connect_timeout_s,
                        timeout_s=self.timeout_s,
                    )
                except ConnectionLost:
                    if attempt or not connection.unread:
                        raise
                    recorder.reconnected()
                else:
                    self._back_off_s = 0.0
                    return started, max(0.0, ended - started) * 1000, None
            raise AssertionError
        except RequestFailed as error:
            if isinstance(error, ConnectionRefused | ConnectionLost):
                # A refusing server answers at once: without a pause one user would "fail" thousands a second.
                self._back_off_s = min(BACK_OFF_MOST_S, 2 * self._back_off_s or BACK_OFF_FIRST_S)
            return started, (time.time() - started) * 1000, error
        finally:
            recorder.leave(started)

    def _renew(self) -> None:
        self._generation = CONTROLS.generation
        self._connection.close()
        if CONTROLS.spread_s:
            gevent.sleep(CONTROLS.random.random() * CONTROLS.spread_s)

    def _message(self, method: str, path: str, options: OptionsWithBody) -> bytes:
        data, json, headers = options.get("data"), options.get("json"), options.get("headers")
        if data is None and json is None and not headers and not self.cookies:
            message = self._messages.get((method, path))
            if message is None:
                message = self._messages[method, path] = self._build(method, path, b"", {})
            return message
        fields = dict(headers or {})
        if data is None and json is not None:
            data = jsonlib.dumps(json)
            fields.setdefault("Content-Type", "application/json")
        elif isinstance(data, Mapping):
            data = urlencode(data)
            fields.setdefault("Content-Type", "application/x-www-form-urlencoded")
        body = data.encode() if isinstance(data, str) else data or b""
        if self.cookies:
            fields.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        return self._build(method, path, body, fields)

    def _build(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        target = self._prefix + path
        if any(c in target for c in " \r\n") or any("\r" in v or "\n" in v for v in headers.values()):
            raise ValueError(f"a line break or blank in {target!r} or its headers; quote it")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if body or method in {"POST", "PUT", "PATCH"}:
            lines += f"Content-Length: {len(body)}\r\n"
        return b"".join(
            [f"{method} {target} HTTP/1.1\r\n".encode(), self._common, lines.encode("latin-1"), b"\r\n", body]
        )

    def _keep_cookies(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.cookies.update(Response("", 0, headers, b"", None).cookies)


def _judge(status: int, body: bytes, path: str, expect: bytes | None) -> RequestFailed | None:
    if status >= 400:
        return BadStatus(f"{status} {path}")
    if expect is not None and expect not in body:
        return WrongBody(f"{path}: the body lacks {expect.decode(errors='replace')!r}")
    return None
