"""The HTTP client of one user: what Locust users know, on one lean connection."""

from __future__ import annotations

import json as jsonlib
import time
from collections.abc import Mapping
from typing import Any, Unpack
from urllib.parse import quote, urlencode, urljoin, urlsplit

import gevent
from gevent import getcurrent
from locust.env import Environment
from locust.event import EventHook

from floodmark.load.answer import NO_ANSWER, Answer
from floodmark.load.back_off import back_off_s
from floodmark.load.connection import CONNECT_TIMEOUT_S, HttpConnection
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import BadStatus, RequestFailed, WrongBody
from floodmark.load.options import Data, Fields, Options, basic
from floodmark.load.reactor import reactor
from floodmark.load.reporting import LeanUser, Report, Reports
from floodmark.load.request import Request
from floodmark.load.response import CaughtResponse, Headers, cookies_in
from floodmark.load.wire import Origin, origin, resolve

MAX_REDIRECTS = 10
KNOWN_REQUESTS = 100
"""Requests that are kept ready to be sent again, for all clients of an origin."""
KNOWN_BYTES = 16 * 1024
"""Longest answer that one client alone remembers."""
REDIRECTS = {301, 302, 303, 307, 308}
_requests: dict[Origin, dict[tuple[str, str, bool], Request]] = {}
_UNQUOTED = "!#$%&'()*+,/:;=?@[]~"
_now = time.time  # looked up once: it stands in the path of every request


class LeanClient:
    """Sends requests one at a time over one keep-alive connection, and reports each to Locust.

    The greenlet that sends a request waits for its answer, which is read whole. Redirects are not followed unless
    asked. Nothing is retried, except once when the server had closed the idle connection before the request could
    reach it. A failed request does not raise: the error stands in ``response.error``.
    """

    def __init__(self, environment: Environment, base_url: str, user: LeanUser | None = None) -> None:
        where = origin(base_url)
        self._origin, self._prefix = where._replace(prefix=""), where.prefix
        self.base_url = where.base_url
        self._reports = Reports.of(environment)
        self._user = user
        self._late_s = self._reports.tally("", "").late_s
        self._reactor = reactor()
        self._hub = self._reactor.hub
        self._connection = HttpConnection(self, tls_host=where.host if where.tls else None)
        self._requests = _requests.setdefault(self._origin, {})
        self._generation = -1
        self._back_off_s = self._behind_s = 0.0
        self._greenlet: Any = None
        self._waiting = False
        self._unsent: Request | None = None  # that has to leave still
        self._started = 0.0  # when the last request left, epoch s; 0 for one that did not
        self.asked = 0.0
        """When the last request began to wait for its turn to be sent, epoch s; 0 for one that did not wait."""
        self.headers: dict[str, str] = {}
        """Go with every request, as do the cookies."""
        self.cookies: dict[str, str] = {}
        self.connect_timeout_s = CONNECT_TIMEOUT_S
        self.timeout_s: float | None = None

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
        request = self._request(method, path, headers, data, json)
        if CONTROLS.generation != self._generation:
            self._renew()
        started, ended, error = self._exchange(request, timeout)
        if allow_redirects and error is None and self._connection.answer.status in REDIRECTS:
            ended, path, error = self._follow(method, path, headers, data, json, ended, timeout)
        return self._end(method, path, name or label, started, ended, error, expect, context, catch_response)

    def get(self, path: str, **options: Unpack[Options]) -> CaughtResponse:
        if options or path[:1] != "/" or CONTROLS.generation != self._generation:
            return self.request("GET", path, **options)
        whole = self._prefix + path
        # Looked up here, as the tally is in _end: each call that this saves is a measurable part of a request.
        known = self._requests.get(("GET", whole, CONTROLS.new_connections))
        request = self._request("GET", whole) if known is None or self.headers or self.cookies else known
        started, ended, error = self._exchange(request, None)
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
                self._keep_cookies(answer)
        if error is None and not catch_response and not reports.find_listeners():
            # The path of nearly every request: good, and nobody but the tally has to know.
            self._back_off_s = 0.0
            tally = reports.tallies.get((method, name)) or reports.tally(method, name)
            tally.started.append(started)
            tally.ended.append(ended)
            tally.body_bytes += answer.size
            return CaughtResponse(self._origin, path, answer, None, ended - started, None)
        report = Report(reports, self._user, method, name, started, ended, context)
        if error is not None and not isinstance(error, BadStatus | WrongBody):
            answer = NO_ANSWER
        response = CaughtResponse(self._origin, path, answer, error, ended - started, report)
        try:
            if not catch_response:
                response.report()
        finally:
            self._back_off_s = 0.0 if error is None else back_off_s(error, ended - started, self._back_off_s)
            if self._back_off_s:
                CONTROLS.recorder.paused(self._back_off_s)
                gevent.sleep(self._back_off_s)
        return response

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

    # Sending.

    def _exchange(self, request: Request, timeout_s: float | None) -> tuple[float, float, RequestFailed | None]:
        """Send a request and wait for its answer. Returns start and end, epoch s, and what went wrong."""
        connection, reactor = self._connection, self._reactor
        connection.connect_timeout_s = self.connect_timeout_s
        connection.timeout_s = timeout_s or self.timeout_s
        ended = None
        self._started = 0.0
        self._unsent = request
        self._greenlet = getcurrent()
        self._waiting = True
        try:
            if reactor.turning and connection.address is not None:
                self.asked = _now()
                reactor.outgoing.append(self)
            else:
                self.asked = 0.0
                self.proceed()
            while self._waiting:
                self._hub.switch()
            ended = connection.ended
        except RequestFailed as error:
            return self._started, _now(), error
        except BaseException:
            connection.close()
            raise
        else:
            if self._user is not None:
                self._user.yielded = True
            return self._started, max(self._started, ended), None
        finally:
            self._unsent = None
            if self._started:
                seen = CONTROLS.recorder.leave(self._started, ended)
                self._behind_s = seen - (ended or seen)

    def proceed(self) -> None:
        """Send the request that waits. In its greenlet or, for many users one after the other, in the hub."""
        request, connection = self._unsent, self._connection
        if request is None:
            return  # its greenlet was killed while it waited
        self._unsent = None
        self._started = started = CONTROLS.recorder.enter()
        user = self._user
        if user is not None:
            if user.ready_at:
                self._behind_s, user.ready_at = started - user.ready_at, 0.0
            elif self.asked:
                self._behind_s += started - self.asked
            self._late_s.append(self._behind_s)
        if connection.address is None:
            connection.address = resolve(self._origin.host, self._origin.port)
        connection.send(request, started)

    def answered(self) -> None:
        """Of the connection, in the hub: the answer is complete."""
        self._waiting = False
        self._greenlet.switch()

    def failed(self, error: BaseException) -> None:
        """In the hub: there will be no answer, or the request could not be sent."""
        self._waiting = False
        self._greenlet.throw(error)

    def _follow(
        self, method: str, path: str, headers: Fields, data: Data, json: Any, ended: float, timeout_s: float | None
    ) -> tuple[float, str, RequestFailed | None]:
        """Go where the answer points; the request ends with the last answer. Returns when, where and how."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._connection.answer
            location = Headers(answer.headers).get("Location")
            if answer.status not in REDIRECTS or location is None:
                return ended, path, None
            if answer.sets_cookies:
                self._keep_cookies(answer)
            try:
                path = self._target(urljoin(self._origin.base_url + path, location))
            except ValueError as unfit:
                return ended, path, BadStatus(f"{answer.status} {path}: redirects to {location!r}: {unfit}")
            path = quote(path, safe=_UNQUOTED, encoding="latin-1")
            if method != "HEAD" and answer.status not in {307, 308}:
                method, data, json = "GET", None, None
            request = self._request(method, path, headers, data, json)
            _, ended, error = self._exchange(request, timeout_s)
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

    def _request(self, method: str, path: str, headers: Fields = None, data: Data = None, json: Any = None) -> Request:
        if data is not None or json is not None or headers or self.headers or self.cookies:
            request = self._write(method, path, headers, data, json)
            known = self._connection.request.known
            if not request.head_only and known.raw is not None and len(known.raw) <= KNOWN_BYTES:
                request.known = known
            return request
        key = (method, path, CONTROLS.new_connections)
        known_request = self._requests.get(key)
        if known_request is None:
            known_request = self._write(method, path, None, None, None)
            if len(self._requests) < KNOWN_REQUESTS:
                self._requests[key] = known_request
        return known_request

    def _write(self, method: str, path: str, headers: Fields, data: Data, json: Any) -> Request:
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
        body = data.encode() if isinstance(data, str) else data or b""
        return Request(
            message=self._origin.message(method, path, body, fields),
            head_only=method == "HEAD",
            closes=CONTROLS.new_connections,
        )

    def _keep_cookies(self, answer: Answer) -> None:
        self.cookies.update(cookies_in(Headers(answer.headers)))
