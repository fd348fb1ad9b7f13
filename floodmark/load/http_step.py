"""A request declared once and sent many times: a Locust task that needs no code of its own."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Performer(Protocol):
    """A user with a way of its own to carry out steps."""

    def perform(self, step: HttpStep) -> None: ...


class HttpStep:
    """One request of a user class, declared as its attribute: ``home = HttpStep("GET", "/", expect=b"hello")``.

    name: label in the statistics instead of the path.
    expect: bytes that the body of a good answer contains.
    data, json: the body.
    weight, tags: as ``@task(weight)`` and ``@tag`` of Locust.
    wait_s: pause after this step, instead of the user's ``wait_time``.
    """

    def __init__(
        self,
        method: str,
        path: str,
        *,
        name: str | None = None,
        expect: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        data: str | bytes | None = None,
        json: Any = None,
        weight: int = 1,
        tags: Iterable[str] = (),
        wait_s: float | None = None,
    ) -> None:
        if not path.startswith("/"):
            raise ValueError(f"path {path!r}: must begin with /")
        if weight < 1:
            raise ValueError(f"weight {weight}: must be at least 1")
        if data is not None and json is not None:
            raise ValueError("data and json are both bodies; give one")
        self.method = method.upper()
        self.path = path
        self.name = name or path
        self.expect = expect
        self.headers = dict(headers or {})
        if json is not None:
            data = jsonlib.dumps(json)
            self.headers.setdefault("Content-Type", "application/json")
        self.body = data.encode() if isinstance(data, str) else data or b""
        self.wait_s = wait_s
        # What Locust looks for in a task.
        self.__name__ = self.name
        self.locust_task_weight = weight
        if tags:
            self.locust_tag_set = set(tags)

    def __set_name__(self, owner: type, name: str) -> None:
        self.__name__ = name

    def __repr__(self) -> str:
        return f"HttpStep({self.method} {self.path})"

    def __call__(self, user: Any) -> None:
        """Locust runs a task by calling it with the user; any user with a Locust HTTP client will do."""
        if isinstance(user, Performer):
            user.perform(self)
            return
        with user.client.request(
            self.method, self.path, name=self.name, headers=self.headers, data=self.body or None, catch_response=True
        ) as response:
            if self.expect is not None and self.expect not in (response.content or b"") and response.status_code < 400:
                response.failure(f"{self.path}: the body lacks {self.expect.decode(errors='replace')!r}")
