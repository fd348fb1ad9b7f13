"""Parses and resolves ``package.module:callable``, the name of a WSGI app or of a factory that makes one."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WSGI_ARGUMENTS = 2
IMPORTING = "importing\n"
"""How the report of an app's start begins. It is emptied once the app is imported."""
LOOKS = 10
"""How many times, during the time to start, the stack of an unfinished import is written to the report."""
FORMS = "MODULE:CALLABLE, such as shop.wsgi:app, shop:create_app or 'shop:create_app(\"production\")'"


class BadReference(ValueError):  # noqa: N818 - what it is, in words
    """Text that is not the name of an app."""


class NotAnApp(TypeError):  # noqa: N818 - what it is, in words
    """The named object is neither a WSGI app nor a factory that makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A parsed name."""

    text: str
    module: str
    attributes: tuple[str, ...]
    called: bool = False
    """Whether it is written as a call, with ``args`` and ``kwargs``."""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


def parse(text: str) -> Reference:
    """Parse ``text`` without importing anything. Raises BadReference."""
    module, colon, expression = text.partition(":")
    if not colon or not module or not all(part.isidentifier() for part in module.split(".")):
        raise BadReference(f"{text!r}: must be {FORMS}")
    try:
        node = ast.parse(expression.strip(), mode="eval").body
        if not isinstance(node, ast.Call):
            return Reference(text=text, module=module, attributes=_attributes(node))
        if any(keyword.arg is None for keyword in node.keywords):
            raise ValueError  # noqa: TRY301 - one message for all of these
        return Reference(
            text=text,
            module=module,
            attributes=_attributes(node.func),
            called=True,
            args=tuple(ast.literal_eval(argument) for argument in node.args),
            kwargs={str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords},
        )
    except (SyntaxError, ValueError) as error:
        raise BadReference(f"{text!r}: must be {FORMS}; arguments can only be literals") from error


def _attributes(node: ast.expr) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=name):
            return (*_attributes(value), name)
        case _:
            raise ValueError


def load(reference: Reference) -> WSGIApplication:
    """Import the module and return the app: the named object, or what the factory of that name returns.

    A function without required arguments is a factory; one with two is an app. Raises NotAnApp for anything else,
    AttributeError for an unknown name, and whatever the import raises.
    """
    named: Any = import_module(reference.module)
    for attribute in reference.attributes:
        named = getattr(named, attribute)
    name = reference.text
    if reference.called:
        app = named(*reference.args, **reference.kwargs)
    elif _is_factory(named):
        app, name = named(), f"{name}()"
    else:
        app = named
    actual = _not_wsgi(app)
    if actual is not None:
        raise NotAnApp(f"{name} is {actual}, not a WSGI app (a callable that takes environ and start_response)")
    return cast("WSGIApplication", app)


def _is_factory(candidate: Any) -> bool:
    function = (inspect.isfunction(candidate) or inspect.ismethod(candidate)) and not inspect.iscoroutinefunction(
        candidate
    )
    return function and _needs(candidate) == 0 and not _takes_any(candidate)


def _not_wsgi(candidate: Any) -> str | None:
    """What the object is instead of a WSGI app; None if it may be one."""
    kind = f"{type(candidate).__module__}.{type(candidate).__qualname__}".removeprefix("builtins.")
    if not callable(candidate):
        return f"None, of type {kind}" if candidate is None else f"an object of type {kind}"
    call = candidate if inspect.isroutine(candidate) or inspect.isclass(candidate) else type(candidate).__call__
    if inspect.iscoroutinefunction(call):
        return f"asynchronous ({_signature(candidate)}): an ASGI app, or a coroutine"
    needs = _needs(candidate)
    if needs is None or needs == WSGI_ARGUMENTS or (needs < WSGI_ARGUMENTS and _takes_any(candidate)):
        return None
    description = (
        "a class" if inspect.isclass(candidate) else "a function" if inspect.isroutine(candidate) else f"a {kind}"
    )
    return f"{description} with the arguments {_signature(candidate)}"


def _parameters(candidate: Any) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(candidate).parameters.values())
    except (TypeError, ValueError):
        return None


def _needs(candidate: Any) -> int | None:
    """The number of required arguments; None if unknown."""
    parameters = _parameters(candidate)
    if parameters is None:
        return None
    unpassable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return sum(p.default is p.empty and p.kind not in unpassable for p in parameters)


def _takes_any(candidate: Any) -> bool:
    return any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in _parameters(candidate) or [])


def _signature(candidate: Any) -> str:
    try:
        return str(inspect.signature(candidate))
    except (TypeError, ValueError):
        return "(...)"
