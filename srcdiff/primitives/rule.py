"""`srcdiff.rule`: derivative rules of the user's own, and functions that are called as they are.

In: a function, the user's or a library's, and functions that say what its derivative is. Out: the function itself,
unchanged; from here on srcdiff does not look inside of it, and takes its derivative from what is registered.

Each form is a decorator, and can be called with the function in front where there is nothing to decorate:

>>> import math
>>> @elementwise(lambda y, x: 1.0 - y * y)
... def squash(x):
...     return math.tanh(x)
>>> squash(0.0), registered(squash).zero
(0.0, False)
>>> import cmath
>>> elementwise(cmath.phase, lambda y, x: 0.0) is cmath.phase
True
>>> forget(cmath.phase)

`srcdiff transform` reads a file without running it, and finds there what is registered by decorators and by calls at
the top level of the module. See docs/custom-rules.md.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, overload

from srcdiff.primitives.registry import Function, forget, register, registered
from srcdiff.primitives.table import lookup

__all__ = ["elementwise", "forget", "jvp", "non_differentiable", "opaque", "registered", "vjp"]

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]
MODULES = ("math", "numpy", "numpy.linalg", "scipy.special", "scipy.linalg", "scipy.stats")
"""Where functions live that srcdiff has rules for."""
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def elementwise(*functions: Function | None) -> Any:
    """A function that is applied to each element of its operands, which are broadcast.

    ``@elementwise(partial, ...)`` decorates a function, ``elementwise(function, partial, ...)`` registers one.

    Parameters
    ----------
    functions
        A partial derivative for each operand, as a function of the result and then the operands, elementwise too:
        ``lambda y, a, b: y / b``. None stands for a partial that is zero. In front of them, perhaps, the function.

    Returns
    -------
    Callable
        The function, or a decorator.

    Raises
    ------
    ValueError
        where the number of partials is not that of the operands.

    >>> @elementwise(
    ...     lambda y, a, b: a / y,
    ...     lambda y, a, b: b / y,
    ... )
    ... def length(a, b):
    ...     return (a * a + b * b) ** 0.5
    >>> length(3.0, 4.0)
    5.0
    """
    operands, in_front = elementwise_operands([None if f is None else _parameters(f) for f in functions])
    if in_front:
        function = functions[0]
        if function is None:
            raise ValueError("elementwise takes the function in front of its partial derivatives, and got None")
        return _registered(function, operands, "the partial derivatives are", **_alone(partials=functions[1:]))

    def decorate(function: F) -> F:
        return _registered(function, operands, "the partial derivatives are", **_alone(partials=functions))

    return decorate


@overload
def jvp(function: Function) -> Decorator[F]: ...
@overload
def jvp(function: F, rule: Function) -> F: ...
def jvp(function: Function, rule: Function | None = None) -> Any:
    """A function whose derivative in a direction is given: its JVP.

    ``@jvp(rule)`` decorates a function, ``jvp(function, rule)`` registers one. Reverse mode is derived from the JVP,
    which is linear in the tangents, unless a VJP is registered too.

    Parameters
    ----------
    rule
        A function of the result, the operands, and a tangent of each operand, in this order:
        ``def f_jvp(y, a, b, da, db)``. It returns the tangent of the result.

    >>> def cube_jvp(y, x, dx):
    ...     return 3.0 * x * x * dx
    >>> @jvp(cube_jvp)
    ... def cube(x):
    ...     return x * x * x
    """
    return _derivative("jvp", function, rule)


@overload
def vjp(function: Function) -> Decorator[F]: ...
@overload
def vjp(function: F, rule: Function) -> F: ...
def vjp(function: Function, rule: Function | None = None) -> Any:
    """A function whose adjoints are given: its VJP.

    ``@vjp(rule)`` decorates a function, ``vjp(function, rule)`` registers one. Forward mode is derived from the VJP,
    which is linear in the adjoint, unless a JVP is registered too.

    Parameters
    ----------
    rule
        A function of the result, the operands, and the adjoint of the result, in this order:
        ``def f_vjp(y, a, b, by)``. It returns the adjoint of the operand, or a tuple with one for each of several
        operands (None for an operand that carries no derivative).

    >>> def scale_vjp(y, x, factor, by):
    ...     return factor * by, x * by
    >>> @vjp(scale_vjp)
    ... def scale(x, factor):
    ...     return x * factor
    """
    return _derivative("vjp", function, rule)


def non_differentiable(function: F) -> F:
    """A function whose derivative is zero wherever it exists: what it returns counts as constant. Also a decorator.

    >>> @non_differentiable
    ... def bucket(x):
    ...     return x // 10.0
    """
    return _registered(function, None, "", **_alone(zero=True))


def opaque(function: F) -> F:
    """A function that is called as it is, as often as the program says and in the order that it says. Also a decorator.

    For what does more than compute its result: logging, random draws, tables that are read from a file. No derivative
    passes through it: where one would have to, the program is refused, unless `non_differentiable` is registered too.

    >>> @opaque
    ... def log(message):
    ...     print(message)
    """
    known = registered(function)
    if known is not None and known.rules:
        raise ValueError(f"`{_name(function)}` has a derivative rule: a call of it does nothing but compute its result")
    return _registered(function, None, "", opaque=True)


def elementwise_operands(counts: Sequence[int | None]) -> tuple[int, bool]:
    """How many operands an elementwise function has, and whether it stands in front of its partial derivatives.

    Parameters
    ----------
    counts
        How many parameters each argument of `elementwise` has; None where it has none, or is not a function.

    Raises
    ------
    ValueError
        where there is not one partial for each operand.

    >>> elementwise_operands([2]), elementwise_operands([1, 2]), elementwise_operands([3, 3])
    ((1, False), (1, True), (2, False))
    """
    found = {c - 1 for c in counts[1:] if c is not None} or {c - 1 for c in counts[:1] if c is not None}
    operands = found.pop() if len(found) == 1 else 0
    in_front = len(counts) == operands + 1
    if operands < 1 or not (in_front or (len(counts) == operands and counts[0] in (None, operands + 1))):
        raise ValueError(
            "elementwise takes a partial derivative for each operand, a function of the result and of every operand: "
            "one `lambda y, x: ...` for one operand, two `lambda y, a, b: ...` for two"
        )
    return operands, in_front


def derivative_operands(kind: Literal["jvp", "vjp"], count: int, title: str) -> int:
    """How many operands a function has whose JVP or VJP takes `count` arguments.

    Raises
    ------
    ValueError
        where it can be none.

    >>> derivative_operands("jvp", 5, "f_jvp"), derivative_operands("vjp", 4, "f_vjp")
    (2, 2)
    """
    operands, rest = divmod(count - 1, 2) if kind == "jvp" else (count - 2, 0)
    if operands < 1 or rest:
        wanted = "(y, x, dx), (y, a, b, da, db)" if kind == "jvp" else "(y, x, by), (y, a, b, by)"
        raise ValueError(
            f"`{title}` takes {count} arguments, and a {kind.upper()} those for one or more operands: {wanted}"
        )
    return operands


def _alone(**changes: Any) -> dict[str, Any]:
    """What is registered, in place of what was registered before."""
    return {"partials": None, "jvp": None, "vjp": None, "zero": False, **changes}


def _derivative(kind: Literal["jvp", "vjp"], function: Function, rule: Function | None) -> Any:
    given = function if rule is None else rule
    operands = derivative_operands(kind, _count(given), _name(given))
    changes = {kind: given, "partials": None, "zero": False}

    def attach(target: F) -> F:
        return _registered(target, operands, f"its {kind.upper()} `{_name(given)}` is", **changes)

    return attach if rule is None else attach(function)


def _registered(function: F, operands: int | None, what: str, **changes: Any) -> F:
    if not callable(function) or isinstance(function, staticmethod):
        raise TypeError(f"a rule is registered for a function, not for {function!r}")
    if _in_table(function):
        raise ValueError(f"`{_name(function)}` has a rule in srcdiff, which cannot be replaced")
    known = registered(function)
    if known is not None and known.opaque and not changes.get("zero") and not changes.get("opaque"):
        raise ValueError(f"`{_name(function)}` is opaque: a function with a derivative rule only computes its result")
    if operands is not None:
        _check_operands(function, operands, what)
    register(function, **changes)
    return function


def _in_table(function: Function) -> bool:
    """Whether srcdiff has a rule for the function."""
    name = _name(function)
    places = ((m, sys.modules.get(m)) for m in ("builtins", *MODULES))
    return any(p is not None and vars(p).get(name) is function and lookup(m, name) is not None for m, p in places)


def _check_operands(function: Function, operands: int, what: str) -> None:
    """The function can be called with so many arguments, as far as Python knows its parameters."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return
    positional = [p for p in parameters if p.kind in _POSITIONAL]
    required = sum(p.default is p.empty for p in positional)
    if not required <= operands <= len(positional):
        raise ValueError(f"`{_name(function)}` takes {required} arguments, and {what} for {operands}")
    named = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if named:
        raise ValueError(f"`{_name(function)}` has a parameter by keyword only, which a rule cannot take: `{named[0]}`")


def _count(rule: Function) -> int:
    """How many arguments a rule takes."""
    count = _parameters(rule)
    if count is None:
        raise ValueError(f"a rule is a Python function whose parameters are named one by one, not {rule!r}")
    return count


def _parameters(function: Function) -> int | None:
    """How many parameters a function has, where Python knows that they are so many."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    return len(parameters) if all(p.kind in _POSITIONAL for p in parameters) else None


def _name(function: Function) -> str:
    return str(getattr(function, "__name__", function))
