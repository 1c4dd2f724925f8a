"""What a function given to us runs: its text, and the arguments that it has already.

In: a function, a bound method, a `functools.partial`, an object with `__call__`, or a function behind a cache. Out: a
`Target`, the function with source that runs and its leading arguments; the parameters that are left; a `Spread`, a
function of any number of arguments as one call calls it.

>>> def f(a, x, n=2):
...     return a * x**n
>>> target = target_of(functools.partial(f, 3.0, n=5))
>>> target.function is f, target.given, [str(p) for p in parameters_of(functools.partial(f, 3.0, n=5))]
(True, (3.0,), ['x', 'n=5'])
"""

from __future__ import annotations

import functools
import inspect
import linecache
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import FrameType, FunctionType, MethodType
from typing import Any

import numpy as np

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.live import class_of_derivative
from srcdiff.ir.instances import described, is_object
from srcdiff.ir.records import is_record


@dataclass(frozen=True, eq=False)
class Target:
    """A function with Python source, and the arguments that come before those of a call."""

    function: FunctionType
    given: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    fitted: bool = False
    """`names` and `keywords` are what `*xs` and `**options` stand for."""


@dataclass(frozen=True)
class Spread:
    """A function that takes any number of arguments, as it is called with these beyond its own."""

    function: Callable[..., Any]
    names: tuple[str, ...]
    keywords: tuple[str, ...]


def varies(function: Any) -> bool:
    """Whether the function takes any number of arguments."""
    if isinstance(function, Spread):
        return False
    target_of(function)
    kinds = {p.kind for p in parameters_of(function)}
    return bool(kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


def spread(function: Any, count: int, keywords: Sequence[str] = ()) -> Any:
    """The function for calls with `count` arguments by position and these by keyword; one that names all of its
    parameters as it is.

    What a wrapper takes is called as in the function that it wraps.
    """
    if class_of_derivative(function) is not None or not _is_callable(function) or not varies(function):
        return function
    every = parameters_of(function)
    kinds = {p.kind: p for p in every}
    own = [p for p in every if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names: list[str] = []
    if inspect.Parameter.VAR_POSITIONAL in kinds and count > len(own):
        known = list(inspect.signature(function).parameters.values()) if hasattr(function, "__wrapped__") else []
        called = [p.name for p in known if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][len(own) :]
        stem = kinds[inspect.Parameter.VAR_POSITIONAL].name
        names = [called[i] if i < len(called) else f"{stem}_{i}" for i in range(count - len(own))]
    given = [k for k in keywords if k not in {p.name for p in every}]
    return Spread(function, tuple(names), tuple(given) if inspect.Parameter.VAR_KEYWORD in kinds else ())


def _is_callable(function: Any) -> bool:
    try:
        target_of(function)
    except TransformError:
        return False
    return True


def target_of(function: Any) -> Target:
    """What a call of `function` runs.

    Raises
    ------
    srcdiff.TransformError
        where that is no Python function.
    """
    match function:
        case Spread():
            target = target_of(function.function)
            return replace(target, names=function.names, keywords=function.keywords, fitted=True)
        case FunctionType():
            return Target(function)
        case MethodType(__self__=owner) if not isinstance(owner, type):
            return _after(target_of(function.__func__), (owner,))
        case functools.partial():
            return _after(target_of(function.func), function.args)
        case functools._lru_cache_wrapper():
            return target_of(function.__wrapped__)
    compiled = getattr(function, "py_func", None)
    if type(function).__module__.split(".")[0] == "numba" and compiled is not None:
        return target_of(compiled)
    call = inspect.getattr_static(type(function), "__call__", None)
    if isinstance(call, FunctionType) and (is_object(function) or is_record(function)):
        return _after(Target(call), (function,))
    raise _not_a_function(function)


def _after(target: Target, arguments: tuple[Any, ...]) -> Target:
    return Target(target.function, (*target.given, *arguments))


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a call of what `target_of` takes fills; what a partial gives by keyword is a default."""
    if isinstance(function, Spread):
        return _spread_parameters(function)
    function = getattr(function, "py_func", function)
    if isinstance(function, functools._lru_cache_wrapper):
        function = function.__wrapped__
    return list(inspect.signature(function, follow_wrapped=False).parameters.values())


def _spread_parameters(function: Spread) -> list[inspect.Parameter]:
    found: list[inspect.Parameter] = []
    for p in parameters_of(function.function):
        match p.kind:
            case p.VAR_POSITIONAL:
                # Nothing before them can be given by name.
                found = [q.replace(kind=q.POSITIONAL_ONLY) for q in found]
                found += [inspect.Parameter(n, p.POSITIONAL_ONLY) for n in function.names]
            case p.VAR_KEYWORD:
                found += [inspect.Parameter(n, p.KEYWORD_ONLY) for n in function.keywords]
            case _:
                found.append(p)
    return found


def _not_a_function(given: object) -> TransformError:
    """The error for what is no function with source, at the place where it was given to us."""
    match given:
        case MethodType():
            message = f"`{given.__qualname__}` is a class method, whose class cannot be passed as an argument"
            remedy = "write it as a function or as a static method"
        case np.vectorize():
            name = getattr(given.pyfunc, "__name__", "f")
            message = f"`{name}` is wrapped by np.vectorize, which has no derivative: it calls Python for each element"
            remedy = "write it with NumPy's own functions, or differentiate the function of numbers"
        case _ if callable(given):
            name = getattr(given, "__name__", type(given).__name__)
            message = f"`{name}` has no Python source to differentiate: it is a {type(given).__name__}"
            remedy = f"call it in a function of yours: `def f(x): return {name}(x)`"
        case _:
            message = f"only functions can be differentiated, and {described(given)} was given"
            remedy = "pass the function itself, without calling it"
    frame = sys._getframe()
    while frame.f_back is not None and _is_our_own(frame):
        frame = frame.f_back
    filename, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(filename, line, frame.f_globals).rstrip("\n")
    column = len(text) - len(text.lstrip()) + 1
    return TransformError([Diagnostic(message, remedy, filename, line, column, len(text) + 1, text)])


def _is_our_own(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return name.startswith("srcdiff.") and not name.startswith("srcdiff.generated")
