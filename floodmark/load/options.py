"""What may be said with a request, as Locust users know it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, TypedDict

Fields = Mapping[str, str] | None
Data = str | bytes | Mapping[str, str] | None
"""A request's body; a mapping is sent as a form."""


class Options(TypedDict, total=False):
    """Keywords of every request.

    name: label in the statistics instead of the path. params: query. expect: bytes the answer's body must
    contain, or the request counts as failed. context: handed on to listeners of the request event.
    catch_response: the answer is used in a ``with`` block that says whether it is good. allow_redirects: follow up
    to ten, on the same host; the request then ends with the last answer. auth: user and password, sent as HTTP Basic.
    timeout: seconds for the whole answer, instead of the client's.
    """

    name: str | None
    params: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    expect: bytes | None
    context: Mapping[str, Any] | None
    catch_response: bool
    allow_redirects: bool
    auth: tuple[str, str] | None
    timeout: float | None


def basic(auth: tuple[str, str]) -> str:
    """The value of an ``Authorization`` header for a user and a password (RFC 7617)."""
    return f"Basic {b64encode(':'.join(auth).encode()).decode()}"
