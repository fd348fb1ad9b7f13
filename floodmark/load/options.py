"""What may be said with a request, as Locust users know it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, TypedDict

Fields = Mapping[str, str] | None
Data = str | bytes | Mapping[str, str] | None
"""A request's body; a mapping is sent as a form."""


class Options(TypedDict, total=False):
    """Keywords of every request."""

    name: str | None
    """Label in the statistics instead of the path."""
    params: Mapping[str, str] | None
    """The query."""
    headers: Mapping[str, str] | None
    expect: bytes | None
    """Bytes that the body of the answer must contain, or the request counts as failed."""
    context: Mapping[str, Any] | None
    """Handed on to listeners of the request event."""
    catch_response: bool
    """The answer is used in a ``with`` block that says whether it is good."""
    allow_redirects: bool
    """Follow up to ten, on the same host. The request then ends with the last answer."""
    auth: tuple[str, str] | None
    """User and password, sent as HTTP Basic."""
    timeout: float | None
    """Seconds for the whole answer, instead of the client's."""


def basic(auth: tuple[str, str]) -> str:
    """The value of an ``Authorization`` header for a user and a password (RFC 7617)."""
    return f"Basic {b64encode(':'.join(auth).encode()).decode()}"
