"""An answer as a Locust user expects it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie
from types import TracebackType
from typing import Any, Protocol

from locust.exception import ResponseError

from floodmark.load.answer import Answer
from floodmark.load.failure import BadStatus, RequestFailed, WrongBody
from floodmark.load.wire import Origin


class Headers(Mapping[str, str]):
    """Case-insensitive view of an answer's headers; repeated ones are joined with a comma."""

    __slots__ = ("_raw",)

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def get_all(self, name: str) -> list[str]:
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for key, value in self._raw if key.lower() == wanted]

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.decode("latin-1") for key, _ in self._raw))

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._raw})


def cookies_in(headers: Headers) -> dict[str, str]:
    """What an answer sets, by name, as it is to be sent back; what is no cookie is passed over."""
    found: dict[str, str] = {}
    for line in headers.get_all("Set-Cookie"):
        try:
            found.update({name: morsel.coded_value for name, morsel in SimpleCookie(line).items()})
        except CookieError:
            continue
    return found


class Response:
    """A complete answer, or status 0 and ``error`` where none came."""

    __slots__ = ("_answer", "_origin", "_path", "_took_s", "content", "error", "status_code")

    def __init__(self, origin: Origin, path: str, answer: Answer, error: RequestFailed | None, took_s: float) -> None:
        """answer: ``NO_ANSWER`` where none came."""
        self._origin = origin
        self._path = path
        self._answer = answer
        self.status_code = answer.status
        self.content = answer.body
        self.error = error
        self._took_s = took_s

    @property
    def elapsed(self) -> timedelta:
        """From the start of the request to the end of its answer."""
        return timedelta(seconds=self._took_s)

    @property
    def url(self) -> str:
        return self._origin.base_url + self._origin.prefix + self._path

    @property
    def headers(self) -> Headers:
        return Headers(self._answer.headers)

    @property
    def ok(self) -> bool:
        return 100 <= self.status_code < 400

    @property
    def text(self) -> str:
        try:
            return self.content.decode(self.encoding, errors="replace")
        except (LookupError, ValueError):  # the server named a charset that is none
            return self.content.decode(errors="replace")

    @property
    def encoding(self) -> str:
        _, _, charset = self.headers.get("Content-Type", "").lower().partition("charset=")
        return charset.split(";")[0].strip(' "') or "utf-8"

    @property
    def cookies(self) -> dict[str, str]:
        return cookies_in(self.headers)

    def json(self, **options: Any) -> Any:
        """The body as JSON; raises ValueError for one that is none."""
        return json.loads(self.content, **options)

    def raise_for_status(self) -> None:
        """Raise what went wrong, or BadStatus for a status of 400 or more."""
        if self.error is not None:
            raise self.error
        if not self.ok:
            raise BadStatus(f"{self.status_code} for {self.url}")

    def __bool__(self) -> bool:
        return self.ok


class Reportable(Protocol):
    """A finished request of which nobody was told yet."""

    def tell(self, response: Response, failure: BaseException | None) -> None: ...


class CaughtResponse(Response):
    """What a request returns. With ``catch_response=True``, use it in a ``with`` block.

    ``success()`` or ``failure(...)`` then decide. The request is reported when the block ends. Left unsaid,
    the status decides. An exception in the block is reported as the failure; a ResponseError ends there, any
    other goes on.
    """

    __slots__ = ("_report", "_verdict")

    def __init__(
        self,
        origin: Origin,
        path: str,
        answer: Answer,
        error: RequestFailed | None,
        took_s: float,
        report: Reportable | None,
    ) -> None:
        # As in Response, whose __init__ would be one more call in the path of every request.
        self._origin = origin
        self._path = path
        self._answer = answer
        self.status_code = answer.status
        self.content = answer.body
        self.error = error
        self._took_s = took_s
        self._report = report
        self._verdict: BaseException | None = error

    def success(self) -> None:
        """Count the request as good, whatever its status."""
        self._verdict = None

    def failure(self, reason: str | BaseException) -> None:
        """Count the request as failed."""
        self._verdict = reason if isinstance(reason, BaseException) else WrongBody(reason)

    def report(self, error: BaseException | None = None) -> None:
        """Report the request to Locust, once."""
        report, self._report = self._report, None
        if report is not None:
            report.tell(self, self._verdict or error)

    def __enter__(self) -> CaughtResponse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.report(error)
        return isinstance(error, ResponseError)
