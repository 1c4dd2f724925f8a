"""How a function is called: what runs, its parameters, and what may be passed for them.

In: what is called: a function, a bound method, a `functools.partial`, an object with `__call__`, or a function behind a
cache; types by name that win over annotations. Out: a `Target`, the function with source that runs and the arguments
that it has already; a `Binding`, which puts the arguments of a call in order, converts them, and says what types they
are compiled for.

>>> def f(x: float, n=2):
...     return x**n
>>> binding = Binding("f", list(inspect.signature(f).parameters.values()), {})
>>> binding.ordered((3,), {}), binding.floating(0, 3)
([3, 2], 3.0)
"""

from __future__ import annotations

import functools
import inspect
import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType, FunctionType, MethodType
from typing import Any

import numpy as np

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.annotations import type_of
from srcdiff.frontend.live import class_of_derivative
from srcdiff.ir.instances import is_object
from srcdiff.ir.types import FLOAT, UNKNOWN, Array, Scalar, Symbol, Type, Unknown
from srcdiff.signatures import as_floating, described, require_plain, share_memory


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
    if isinstance(call, FunctionType) and is_object(function):
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


class Binding:
    """The parameters of the function called `title`, and what a call of it may pass.

    `positional` is the number of parameters that are not by keyword only. `leading` are those before them that have
    their arguments already; `every` is all of them, and positions in that are those of the function with source.
    `passed` is the number of `parameters` that generated code takes by position.
    """

    def __init__(
        self,
        title: str,
        parameters: list[inspect.Parameter],
        signature: Mapping[str, str],
        leading: Sequence[inspect.Parameter] = (),
        passed: int | None = None,
    ) -> None:
        self.title = title
        self.parameters = parameters
        self.leading = len(leading)
        self.every = [*leading, *parameters]
        self.signature = signature
        self.names = [p.name for p in parameters]
        self.unnamed = {p.name for p in parameters if p.kind is p.POSITIONAL_ONLY}
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.positional = sum(p.kind is not p.KEYWORD_ONLY for p in parameters)
        self.passed = self.positional if passed is None else passed

    def ordered(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """An argument for each parameter of the function, in their order, defaults filled in.

        Raises
        ------
        TypeError
            where the function could not be called like this.
        """
        bound = dict(zip(self.names[: self.positional], args, strict=False))
        for name, value in kwargs.items():
            if name not in self.names:
                raise TypeError(f"{self.title} got an unexpected keyword argument {name!r}")
            if name in self.unnamed:
                raise TypeError(f"{self.title} takes its argument {name!r} by position only")
            if name in bound:
                raise TypeError(f"{self.title} got multiple values for argument {name!r}")
            bound[name] = value
        missing = [n for n in self.names if n not in bound and n not in self.defaults]
        if missing:
            raise TypeError(f"{self.title} is missing arguments: {', '.join(missing)}")
        return [bound[n] if n in bound else self.defaults[n] for n in self.names]

    def split(self, full: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        """Arguments of every parameter as those that generated code takes by position and those by name."""
        count = self.leading + self.passed
        return full[:count], {p.name: v for p, v in zip(self.every[count:], full[count:], strict=True)}

    def require_count(self, count: int, keywords: Mapping[str, Any] | None = None) -> None:
        """The function takes so many positional arguments, and those with these names.

        Raises
        ------
        TypeError
            where it does not.
        """
        if count > self.positional:
            raise TypeError(f"{self.title} takes {self.positional} arguments, got {count}")
        left = [n for n in self.names[count : self.positional] if n not in (keywords or {})]
        missing = [n for n in left if n not in self.defaults]
        if missing:
            raise TypeError(f"{self.title} is missing arguments: {', '.join(missing)}")

    def require_separate(self, writes: tuple[int, ...], arguments: Sequence[Any]) -> None:
        """Generated code takes arguments that share no memory, where one of them is written into.

        Raises
        ------
        ValueError
            where they do share memory.
        """
        for i in writes:
            for k, other in enumerate(arguments):
                if k != i and share_memory(arguments[i], other):
                    raise ValueError(
                        f"{self.title}: arguments `{self.every[i].name}` and `{self.every[k].name}` share memory, and "
                        f"`{self.title}` writes into `{self.every[i].name}`: pass a copy of one of them"
                    )

    def floating(self, position: int, value: Any) -> Any:
        """The argument as a float, or as a container or array of floats."""
        if isinstance(value, np.ndarray) and value.ndim == 0 and self.said(self.every[position]) == FLOAT:
            require_plain(value, f"argument `{self.every[position].name}`")
            return float(value)
        if isinstance(value, bool | np.bool_) and self.said(self.every[position]) == FLOAT:
            return float(value)
        try:
            return as_floating(value)
        except OverflowError:
            raise OverflowError(
                f"{self.title}: argument `{self.every[position].name}` holds an integer that is too large for a float"
            ) from None

    def said(self, parameter: inspect.Parameter) -> Type:
        """The type that the signature or the annotation gives the parameter."""
        if parameter.name in self.signature:
            return type_of(self.signature[parameter.name])
        annotation = parameter.annotation
        if annotation is parameter.empty:
            return UNKNOWN
        return type_of(_annotation_text(parameter))

    def compiled_type(self, parameter: inspect.Parameter, given: Type, value: object) -> Type:
        """The type that an argument is compiled for: the signature's or the annotation's where it says enough.

        Raises
        ------
        TypeError
            where the argument contradicts it.
        """
        said = self.said(parameter)
        if isinstance(said, Unknown):
            return given
        if isinstance(said, Scalar) and isinstance(given, Scalar):
            return said
        if isinstance(said, Array) and isinstance(given, Array) and said.rank in (None, given.rank):
            return _with_names_of(said, given)
        if type(said) is type(given) and not isinstance(said, Scalar | Array):
            return given
        where = "in `signature`" if parameter.name in self.signature else "annotated"
        text = self.signature.get(parameter.name) or _annotation_text(parameter)
        match given:
            case Array():
                better = "annotate it as np.ndarray or "
            case Scalar():
                better = f"annotate it as {given.kind} or "
            case _:
                better = ""
        raise TypeError(
            f"{self.title}: argument `{parameter.name}` is {where} as {text}, but {described(value)} was given: "
            f"{better}remove the annotation"
        )


def _with_names_of(said: Array, given: Array) -> Array:
    """The type of an array argument with its dimensions called as the annotation calls them, so that those of one name
    are known to be equal."""
    if said.shape is None or given.shape is None:
        return given
    shape = tuple(
        Symbol(name.name, 0, True)
        if isinstance(name, Symbol) and not name.offset and isinstance(size, Symbol)
        else size
        for name, size in zip(said.shape, given.shape, strict=True)
    )
    return Array(given.dtype, shape)


def _annotation_text(parameter: inspect.Parameter) -> str:
    """The annotation as it is written."""
    annotation = parameter.annotation
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
