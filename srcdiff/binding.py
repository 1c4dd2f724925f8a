"""How a function is called: its parameters, and what may be passed for them.

In: a function of the user's, or the parameters of generated code; types by name that win over annotations. Out: a
`Binding`, which puts the arguments of a call in order, converts them, and says what types they are compiled for.

>>> def f(x: float, n=2):
...     return x**n
>>> binding = Binding("f", parameters_of(f), {})
>>> binding.ordered((3,), {}), binding.floating(0, 3)
([3, 2], 3.0)
"""

from __future__ import annotations

import functools
import inspect
import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, FunctionType, MethodType
from typing import Any

import numpy as np

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.annotations import type_of
from srcdiff.ir.types import FLOAT, UNKNOWN, Array, Scalar, Symbol, Type, Unknown
from srcdiff.signatures import as_floating, described, require_plain, share_memory, shares_with_itself


class Binding:
    """The parameters of the function called `title`, and what a call of it may pass.

    `positional` is the number of parameters that are not by keyword only.
    """

    def __init__(self, title: str, parameters: list[inspect.Parameter], signature: Mapping[str, str]) -> None:
        self.title = title
        self.parameters = parameters
        self.signature = signature
        self.names = [p.name for p in parameters]
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.positional = sum(p.kind is not p.KEYWORD_ONLY for p in parameters)

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
            if name in bound:
                raise TypeError(f"{self.title} got multiple values for argument {name!r}")
            bound[name] = value
        missing = [n for n in self.names if n not in bound and n not in self.defaults]
        if missing:
            raise TypeError(f"{self.title} is missing arguments: {', '.join(missing)}")
        return [bound[n] if n in bound else self.defaults[n] for n in self.names]

    def split(self, ordered: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        """Arguments in order as those that are passed by position and those that are passed by name."""
        named = zip(self.names[self.positional :], ordered[self.positional :], strict=True)
        return ordered[: self.positional], dict(named)

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

    def require_separate(
        self, writes: tuple[int, ...], arguments: Sequence[Any], kept: Sequence[tuple[str, object]] = ()
    ) -> None:
        """Generated code takes arguments that share no memory, where one of them is written into: neither with each
        other nor within one container, nor with what the function keeps by name (`kept`).

        Raises
        ------
        ValueError
            where they do share memory.
        """
        for i in writes:
            title = f"{self.title}: argument `{self.names[i]}`"
            written = f"`{self.title}` writes into `{self.names[i]}`"
            if shares_with_itself(arguments[i]):
                raise ValueError(f"{title} holds the same memory twice, and {written}: pass copies in it")
            for name, content in kept:
                if share_memory(arguments[i], content):
                    raise ValueError(f"{title} shares memory with `{name}`, and {written}: pass a copy of it")
            for k, other in enumerate(arguments):
                if k != i and share_memory(arguments[i], other):
                    raise ValueError(
                        f"{self.title}: arguments `{self.names[i]}` and `{self.names[k]}` share memory, and "
                        f"`{self.title}` writes into `{self.names[i]}`: pass a copy of one of them"
                    )

    def floating(self, position: int, value: Any) -> Any:
        """The argument as a float, or as a container or array of floats."""
        if isinstance(value, np.ndarray) and value.ndim == 0 and self.said(self.parameters[position]) == FLOAT:
            require_plain(value, f"argument `{self.names[position]}`")
            return float(value)
        if isinstance(value, bool | np.bool_) and self.said(self.parameters[position]) == FLOAT:
            return float(value)
        try:
            return as_floating(value)
        except OverflowError:
            raise OverflowError(
                f"{self.title}: argument `{self.names[position]}` holds an integer that is too large for a float"
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


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function with Python source.

    Raises
    ------
    srcdiff.TransformError
        where it is something else.
    """
    if not isinstance(function, FunctionType):
        raise _not_a_function(function)
    return list(inspect.signature(function).parameters.values())


def _not_a_function(given: object) -> TransformError:
    """The error for what is no function with source, at the place where it was given to us."""
    match given:
        case functools.partial():
            name = getattr(given.func, "__name__", "f")
            message = f"a functools.partial of `{name}` cannot be differentiated: it is no function with source"
            remedy = f"differentiate `{name}` itself and pass all its arguments, or call it in a function of yours"
        case MethodType():
            message = f"`{given.__qualname__}` is a method, and what it reads of its object cannot be differentiated"
            remedy = "write it as a function that takes as parameters what it needs of the object"
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
