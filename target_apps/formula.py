"""Integer formulas over a server's settings, such as ``workers * threads``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}
_FUNCTIONS: dict[str, Callable[..., int]] = {"min": min, "max": max}


class FormulaError(ValueError):
    """A formula that is not plain integer arithmetic over known names."""


def evaluate(formula: str, values: Mapping[str, int | str]) -> int:
    """Evaluate ``formula`` with ``+ - * //``, ``min`` and ``max`` over ``values``.

    Raises FormulaError for anything else, and for a name that is missing or not a number.
    """
    try:
        tree = ast.parse(formula, mode="eval")
    except SyntaxError as error:
        raise FormulaError(f"{formula!r} is not a formula: {error.msg}") from error
    return _value(tree.body, formula, values)


def _value(node: ast.expr, formula: str, values: Mapping[str, int | str]) -> int:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Name(id=name):
            value = values.get(name)
            if not isinstance(value, int):
                known = ", ".join(sorted(key for key, v in values.items() if isinstance(v, int))) or "none"
                raise FormulaError(f"{formula!r} uses {name!r}; numeric settings are: {known}")
            return value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            a, b = _value(left, formula, values), _value(right, formula, values)
            try:
                return _OPERATORS[type(op)](a, b)
            except ZeroDivisionError as error:
                raise FormulaError(f"{formula!r} divides by zero") from error
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS and args:
            return _FUNCTIONS[name](_value(arg, formula, values) for arg in args)
        case _:
            raise FormulaError(f"{formula!r}: only integers, setting names, + - * //, min() and max() are allowed")
