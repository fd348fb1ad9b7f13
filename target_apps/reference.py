"""``package.module:callable``, the name of a WSGI app or of a factory that makes one: read, and followed."""

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
"""How the report of an app's start begins; it ends empty where the app was imported."""
LOOKS = 10
"""How often in the time to start it is written down where an app that still imports stands."""
FORMS = "MODULE:CALLABLE, such as shop.wsgi:app, shop:create_app or 'shop:create_app(\"production\")'"


class BadReference(ValueError):  # noqa: N818 - what it is, in words
    """Text that names no app."""


class NotAnApp(TypeError):  # noqa: N818 - what it is, in words
    """What was found under the name is neither a WSGI app nor a factory that makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name, taken apart. args, kwargs: of the call, where it is written with parentheses (``called``)."""

    text: str
    module: str
    attributes: tuple[str, ...]
    called: bool = False
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


def parse(text: str) -> Reference:
    """Take ``text`` apart without importing anything. Raises BadReference."""
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
        raise BadReference(f"{text!r}: must be {FORMS}; arguments can be literals only") from error


def _attributes(node: ast.expr) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=name):
            return (*_attributes(value), name)
        case _:
            raise ValueError


def load(reference: Reference) -> WSGIApplication:
    """Import the module and get the app: what the name stands for, or what the factory of that name returns.

    A function that needs no arguments is a factory; one that needs two is an app. Raises NotAnApp for anything else,
    AttributeError for a name that is not there, and whatever the import raises.
    """
    found: Any = import_module(reference.module)
    for attribute in reference.attributes:
        found = getattr(found, attribute)
    name = reference.text
    if reference.called:
        made = found(*reference.args, **reference.kwargs)
    elif _is_factory(found):
        made, name = found(), f"{name}()"
    else:
        made = found
    wrong = _not_wsgi(made)
    if wrong is not None:
        raise NotAnApp(f"{name} is {wrong}, not a WSGI app (a callable that takes environ and start_response)")
    return cast("WSGIApplication", made)


def _is_factory(found: Any) -> bool:
    function = (inspect.isfunction(found) or inspect.ismethod(found)) and not inspect.iscoroutinefunction(found)
    return function and _needs(found) == 0 and not _takes_any(found)


def _not_wsgi(found: Any) -> str | None:
    """What it is instead of a WSGI app; None where it may be one."""
    kind = f"{type(found).__module__}.{type(found).__qualname__}".removeprefix("builtins.")
    if not callable(found):
        return f"None, of type {kind}" if found is None else f"an object of type {kind}"
    call = found if inspect.isroutine(found) or inspect.isclass(found) else type(found).__call__
    if inspect.iscoroutinefunction(call):
        return f"asynchronous ({_signature(found)}): an ASGI app, or a coroutine"
    needs = _needs(found)
    if needs is None or needs == WSGI_ARGUMENTS or (needs < WSGI_ARGUMENTS and _takes_any(found)):
        return None
    what = "a class" if inspect.isclass(found) else "a function" if inspect.isroutine(found) else f"a {kind}"
    return f"{what} with the arguments {_signature(found)}"


def _parameters(found: Any) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return None


def _needs(found: Any) -> int | None:
    """How many arguments it cannot do without; None where that cannot be known."""
    parameters = _parameters(found)
    if parameters is None:
        return None
    unpassable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return sum(p.default is p.empty and p.kind not in unpassable for p in parameters)


def _takes_any(found: Any) -> bool:
    return any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in _parameters(found) or [])


def _signature(found: Any) -> str:
    try:
        return str(inspect.signature(found))
    except (TypeError, ValueError):
        return "(...)"
