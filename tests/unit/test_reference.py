"""The name of an app: read, and followed to what it stands for."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import flask
import pytest

from target_apps.reference import BadReference, NotAnApp, load, parse

MODULE = "a_module_of_the_test"


@pytest.mark.parametrize(
    "text",
    ["", "flaskr", "flaskr:", ":app", "fl askr:app", "flaskr:app:x", "a..b:app", "flaskr:app[0]", "flaskr:f(x)",
     "flaskr:f(**{})", "flaskr:f()()", "flaskr:'app'", "flaskr.py:app.", "shop/wsgi:app"],
)  # fmt: skip
def test_what_names_no_app_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(BadReference, match="must be MODULE:CALLABLE, such as"):
        parse(text)


def test_a_reference_is_taken_apart() -> None:
    found = parse("shop.wsgi:make.app('production', debug=False)")
    assert (found.module, found.attributes, found.called) == ("shop.wsgi", ("make", "app"), True)
    assert (found.args, found.kwargs) == (("production",), {"debug": False})


def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    return [b"wsgi"]


class Callable_:  # noqa: N801
    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return [b"instance"]

    def app(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return [b"method"]

    def make(self) -> Callable_:
        return self


class PerRequest:
    def __init__(self, environ: Any, start_response: Any) -> None: ...

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"class"])


def optional(config: Any = None, debug: bool = False) -> Any:
    return wsgi


def wrapper(*args: Any, **kwargs: Any) -> Iterable[bytes]:
    return wsgi(*args)


def needs(config: str) -> Any:
    return wsgi if config == "x" else None


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


async def later() -> Any:
    return wsgi


def put(found: object) -> None:
    module = types.ModuleType(MODULE)
    module.thing = found  # type: ignore[attr-defined]
    sys.modules[MODULE] = module


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    sys.modules.pop(MODULE, None)


def called(app: Any) -> Callable[..., Any]:
    return lambda: app


flask_app = flask.Flask("x")
instance = Callable_()


@pytest.mark.parametrize(
    ("found", "name", "wanted"),
    [
        (wsgi, "thing", wsgi),
        (flask_app, "thing", flask_app),
        (instance, "thing", instance),
        (instance, "thing.app", instance.app),
        (instance, "thing.make", instance),
        (instance, "thing.make()", instance),
        (PerRequest, "thing", PerRequest),
        (optional, "thing", wsgi),
        (optional, "thing()", wsgi),
        (optional, "thing('x', debug=True)", wsgi),
        (needs, "thing('x')", wsgi),
        (called(flask_app), "thing", flask_app),
        (wrapper, "thing", wrapper),
        (Callable_, "thing()", None),
    ],
)
def test_apps_are_taken_and_factories_called(found: object, name: str, wanted: object) -> None:
    put(found)
    made = load(parse(f"{MODULE}:{name}"))
    assert isinstance(made, Callable_) if wanted is None else made == wanted


def test_a_partial_with_nothing_left_to_say_is_no_app() -> None:
    put(partial(needs, "x"))
    with pytest.raises(NotAnApp, match=r"functools.partial with the arguments \(\)"):
        load(parse(f"{MODULE}:thing"))


@pytest.mark.parametrize(
    ("found", "name", "message"),
    [
        ("text", "thing", "is an object of type str, not a WSGI app"),
        (None, "thing", "None"),
        (types, "thing", "an object of type module"),
        (needs, "thing", r"a function with the arguments \(config: 'str'\)"),
        (needs, "thing('y')", r"thing\('y'\) is None"),
        (asgi, "thing", "asynchronous .* an ASGI app"),
        (later, "thing", "asynchronous"),
        (called(3), "thing", r"thing\(\) is an object of type int"),
        (flask.Flask, "thing", "a class with the arguments"),
        (lambda a, b, c: None, "thing", r"a function with the arguments \(a, b, c\)"),
    ],
)
def test_anything_else_is_said_to_be_what_it_is(found: object, name: str, message: str) -> None:
    put(found)
    with pytest.raises(NotAnApp, match=message):
        load(parse(f"{MODULE}:{name}"))
