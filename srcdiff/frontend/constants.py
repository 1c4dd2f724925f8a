"""Constants of a module, found from its text: numbers and strings that arithmetic on literals gives.

In: syntax trees of expressions. Out: their value, or None when they are not constant. Nothing is ever executed.

>>> import gast
>>> evaluate(gast.parse("2 * pi + 1", mode="eval").body, {"pi": 3.0}.get, lambda node: None)
7.0
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import gast
import numpy as np

MATH_CONSTANTS: dict[tuple[str, str], float] = {
    (module, name): getattr(math, name) for module in ("math", "numpy") for name in ("pi", "e", "inf", "nan")
} | {("math", "tau"): math.tau, ("numpy", "euler_gamma"): float(np.euler_gamma)}

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    gast.Add: operator.add,
    gast.Sub: operator.sub,
    gast.Mult: operator.mul,
    gast.Div: operator.truediv,
    gast.FloorDiv: operator.floordiv,
    gast.Mod: operator.mod,
    gast.Pow: operator.pow,
}

_MATH_FUNCTIONS = {"sqrt": math.sqrt, "log": math.log, "exp": math.exp}


def evaluate(node: gast.AST, name_value: Callable[[str], Any], attribute_value: Callable[[gast.AST], Any]) -> Any:
    """The constant that `node` stands for, or None. `attribute_value` answers for `math.pi` and `math.sqrt`."""
    match node:
        case gast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case gast.Name(id=name):
            return name_value(name)
        case gast.Attribute():
            value = attribute_value(node)
            return None if callable(value) else value
        case gast.UnaryOp(op=op, operand=inner):
            value = evaluate(inner, name_value, attribute_value)
            if not isinstance(value, int | float):
                return None
            match op:
                case gast.USub():
                    return -value
                case gast.UAdd():
                    return +value
                case gast.Not():
                    return not value
            return None
        case gast.BinOp(left=left, op=op, right=right):
            a = evaluate(left, name_value, attribute_value)
            b = evaluate(right, name_value, attribute_value)
            return _binary(type(op), a, b)
        case gast.Call(func=gast.Attribute() as function, args=[argument], keywords=[]):
            call = attribute_value(function)
            value = evaluate(argument, name_value, attribute_value)
            if not callable(call) or not isinstance(value, int | float):
                return None
            try:
                return call(value)
            except (ValueError, OverflowError):
                return None
    return None


def math_function(module: str, name: str) -> Callable[[float], float] | None:
    """The functions of the outside world that a constant may use."""
    return _MATH_FUNCTIONS.get(name) if module in ("math", "numpy") else None


def _binary(op: type, a: Any, b: Any) -> Any:
    function = _BINARY.get(op)
    if function is None or not isinstance(a, int | float) or not isinstance(b, int | float):
        return None
    if op is gast.Pow and isinstance(a, int) and isinstance(b, int) and (abs(b) > 64 or abs(a) > 2**64):
        return None
    try:
        value = function(a, b)
    except (ArithmeticError, ValueError):
        return None
    return value if isinstance(value, int | float) else None


def has_complex(node: gast.AST | None) -> bool:
    """Whether there is a complex number in an expression."""
    return node is not None and any(
        isinstance(inner, gast.Constant) and isinstance(inner.value, complex) for inner in gast.walk(node)
    )
