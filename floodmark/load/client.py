"""The HTTP client of one user: what Locust users know, on one lean connection."""

from __future__ import annotations

import json as jsonlib
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import quote, urlencode, urljoin, urlsplit

import gevent
from locust.event import EventHook

from floodmark.load.connection import Connection
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import BadStatus, ConnectionLost, ConnectionRefused, RequestFailed, WrongBody
from floodmark.load.options import Data, Fields, Options, basic
from floodmark.load.reporting import LeanUser, Report, Reports
from floodmark.load.response import CaughtResponse, Headers, cookies_in
from floodmark.load.wire import Origin, origin, resolve

if TYPE_CHECKING:
    from locust.env import Environment

CONNECT_TIMEOUT_S = 5.0
TIMEOUT_S = 10.0
MAX_REDIRECTS = 10
KNOWN_MESSAGES = 100
"""Requests that are kept ready to be sent again, for all clients of an origin."""
REDIRECTS = {301, 302, 303, 307, 308}
BACK_OFF_FIRST_S = 0.05
BACK_OFF_MOST_S = 1.0
_messages: dict[Origin, dict[tuple[str, str, bool], bytes]] = {}
_UNQUOTED = "!#$%&'()*+,/:;=?@[]~"


class LeanClient:
    """Sends requests one at a time over one keep-alive connection, and reports each to Locust.

    Answers are read whole; redirects are not followed. Nothing is retried, except once when the server had
    closed the idle connection before the request could reach it. A failed request does not raise: the error
    stands in ``response.error``. headers, cookies: go with every request.
    """

    def __init__(self, environment: Environment, base_url: str, user: LeanUser | None = None) -> None:
        found = origin(base_url)
        self._origin, self._prefix = found._replace(prefix=""), found.prefix
        self.base_url = found.base_url
        self._reports = Reports.of(environment)
        self._user = user
        self._late_s = self._reports.tally("", "").late_s
        self._connection = Connection(
            partial(resolve, found.host, found.port),
            CONTROLS.recorder.opened,
            self._depart,
            found.host if found.tls else None,
        )
        self._messages = _messages.setdefault(self._origin, {})
        self._generation = -1
        self._back_off_s = self._behind_s = 0.0
        self.headers: dict[str, str] = {}
        self.cookies: dict[str, str] = {}
        self.connect_timeout_s = CONNECT_TIMEOUT_S
        self.timeout_s = TIMEOUT_S

    def request(
        self,
        method: str,
        path: str,
        *,
        name: str | None = None,
        params: Mapping[str, str] | None = None,
        headers: Fields = None,
        data: Data = None,
        json: Any = None,
        expect: bytes | None = None,
        context: Mapping[str, Any] | None = None,
        catch_response: bool = False,
        allow_redirects: bool = False,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
    ) -> CaughtResponse:
        """Send one request and read its whole answer. Keywords as in ``Options``.

        path: below the base URL, or a whole URL on the same host. Raises ValueError for one on another.
        """
        label, path = (path, self._prefix + path) if path[:1] == "/" and not params else self._address(path, params)
        if auth is not None:
            headers = {"Authorization": basic(auth), **(headers or {})}
        message = self._message(method, path, headers, data, json)
        if CONTROLS.generation != self._generation:
            self._renew()
        started, ended, error = self._exchange(message, method == "HEAD", timeout)
        if allow_redirects and error is None and self._connection.answer.status in REDIRECTS:
            ended, path, error = self._follow(method, path, headers, data, json, ended, timeout)
        return self._end(method, path, name or label, started, ended, error, expect, context, catch_response)

    def get(self, path: str, **options: Unpack[Options]) -> CaughtResponse:
        if options or path[:1] != "/" or CONTROLS.generation != self._generation:
            return self.request("GET", path, **options)
        whole = self._prefix + path
        # Looked up here, as the tally is in _end: each call that this saves is a measurable part of a request.
        known = self._messages.get(("GET", whole, CONTROLS.new_connections))
        message = self._message("GET", whole) if known is None or self.headers or self.cookies else known
        started, ended, error = self._exchange(message, False, None)
        return self._end("GET", whole, path, started, ended, error)

    def _end(
        self,
        method: str,
        path: str,
        name: str,
        started: float,
        ended: float,
        error: RequestFailed | None,
        expect: bytes | None = None,
        context: Mapping[str, Any] | None = None,
        catch_response: bool = False,
    ) -> CaughtResponse:
        """Judge what came, and tell whoever has to know. started, ended: epoch s."""
        answer, reports = self._connection.answer, self._reports
        if error is None:
            if not 100 <= answer.status < 400:
                error = BadStatus(f"{answer.status} {name}")
            elif expect is not None and expect not in answer.body:
                error = WrongBody(f"{name}: the body lacks {expect.decode(errors='replace')!r}")
            if answer.sets_cookies:
                self._keep_cookies(answer.headers)
        if error is None and not catch_response and not reports.look():
            # The path of nearly every request: good, and nobody but the tally has to know.
            tally = reports.tallies.get((method, name)) or reports.tally(method, name)
            tally.started.append(started)
            tally.ended.append(ended)
            body = answer.body
            tally.body_bytes += len(body)
            took_s = ended - started
            return CaughtResponse(self._origin, path, answer.status, answer.headers, body, None, took_s, None)
        report = Report(reports, self._user, method, name, started, ended, context)
        response = self._respond(path, error, report)
        try:
            if not catch_response:
                response.report()
        finally:
            if self._back_off_s:
                gevent.sleep(self._back_off_s)
        return response

    def _respond(self, path: str, error: RequestFailed | None, report: Report) -> CaughtResponse:
        answer, here, took_s = self._connection.answer, self._origin, report.ended - report.started
        if error is None or isinstance(error, BadStatus | WrongBody):
            return CaughtResponse(here, path, answer.status, answer.headers, answer.body, error, took_s, report)
        return CaughtResponse(here, path, 0, [], b"", error, took_s, report)

    @property
    def request_event(self) -> EventHook:
        """What requests are reported to, for clients of a user's own making."""
        return self._reports.event

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

    def _depart(self, asked: float) -> float:
        """A request leaves, which was ready at ``asked``, epoch s, or is just so. Returns this moment."""
        started = CONTROLS.recorder.enter()
        user = self._user
        if user is not None:
            if user.ready_at:
                self._behind_s, user.ready_at = started - user.ready_at, 0.0
            elif asked:
                self._behind_s += started - asked
            self._late_s.append(self._behind_s)
        return started

    def _exchange(
        self, message: bytes, head_only: bool, timeout_s: float | None
    ) -> tuple[float, float, RequestFailed | None]:
        """Returns start and end, epoch s, and what went wrong."""
        connection, ended = self._connection, None
        try:
            ended = connection.exchange(message, head_only, self.connect_timeout_s, timeout_s or self.timeout_s)
            if CONTROLS.new_connections:
                connection.close()
            self._back_off_s = 0.0
            if self._user is not None:
                self._user.yielded = True
        except RequestFailed as error:
            if isinstance(error, ConnectionRefused | ConnectionLost):
                # A refusing server answers at once: without a pause one user would "fail" thousands a second.
                self._back_off_s = min(BACK_OFF_MOST_S, 2 * self._back_off_s or BACK_OFF_FIRST_S)
            return connection.started, time.time(), error
        else:
            return connection.started, max(connection.started, ended), None
        finally:
            if connection.reconnected:
                CONTROLS.recorder.reconnected()
            if connection.started:
                seen = CONTROLS.recorder.leave(connection.started, ended)
                self._behind_s = seen - (ended or seen)

    def _follow(
        self, method: str, path: str, headers: Fields, data: Data, json: Any, ended: float, timeout_s: float | None
    ) -> tuple[float, str, RequestFailed | None]:
        """Go where the answer points; the request ends with the last answer. Returns when, where and how."""
        answer = self._connection.answer
        for _ in range(MAX_REDIRECTS + 1):
            location = Headers(answer.headers).get("Location")
            if answer.status not in REDIRECTS or location is None:
                return ended, path, None
            if answer.sets_cookies:
                self._keep_cookies(answer.headers)
            try:
                path = self._target(urljoin(self._origin.base_url + path, location))
            except ValueError as unfit:
                return ended, path, BadStatus(f"{answer.status} {path}: redirects to {location!r}: {unfit}")
            path = quote(path, safe=_UNQUOTED, encoding="latin-1")
            if method != "HEAD" and answer.status not in {307, 308}:
                method, data, json = "GET", None, None
            message = self._message(method, path, headers, data, json)
            _, ended, error = self._exchange(message, method == "HEAD", timeout_s)
            if error is not None:
                return ended, path, error
        return ended, path, BadStatus(f"{path}: more than {MAX_REDIRECTS} redirects")

    def _address(self, path: str, params: Mapping[str, str] | None) -> tuple[str, str]:
        """What a request is called, and what it asks for."""
        if params:
            path = f"{path}{'&' if '?' in path else '?'}{urlencode(params)}"
        if path[:1] != "/":
            if "://" in path.partition("?")[0]:
                path = self._target(path)
                return path, path
            path = f"/{path}"
        return path, self._prefix + path

    def _target(self, url: str) -> str:
        """Path and query of a URL on our host. Raises ValueError for any other."""
        there, here, parts = origin(url), self._origin, urlsplit(url)
        if (there.host, there.port, there.tls) != (here.host, here.port, here.tls):
            raise ValueError(f"{url} is on another host than {self.base_url}: it needs a client of its own")
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _renew(self) -> None:
        self._generation = CONTROLS.generation
        self._connection.close()
        if CONTROLS.spread_s:
            gevent.sleep(CONTROLS.random.random() * CONTROLS.spread_s)

    def _message(self, method: str, path: str, headers: Fields = None, data: Data = None, json: Any = None) -> bytes:
        if data is not None or json is not None or headers or self.headers or self.cookies:
            return self._write(method, path, headers, data, json)
        known = (method, path, CONTROLS.new_connections)
        message = self._messages.get(known)
        if message is None:
            message = self._write(method, path, None, None, None)
            if len(self._messages) < KNOWN_MESSAGES:
                self._messages[known] = message
        return message

    def _write(self, method: str, path: str, headers: Fields, data: Data, json: Any) -> bytes:
        fields = {**self.headers, **(headers or {})}
        if data is None and json is not None:
            data = jsonlib.dumps(json)
            fields.setdefault("Content-Type", "application/json")
        elif isinstance(data, Mapping):
            data = urlencode(data)
            fields.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if self.cookies:
            fields.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if CONTROLS.new_connections:
            fields["Connection"] = "close"
        return self._origin.message(method, path, data.encode() if isinstance(data, str) else data or b"", fields)

    def _keep_cookies(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.cookies.update(cookies_in(Headers(headers)))
