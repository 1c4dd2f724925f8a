"""How a function is called: its parameters, and what may be passed for them.

In: the parameters of a function, those that have their arguments already before them; types by name that win over
annotations. Out: a `Binding`, which puts the arguments of a call in order, converts them, and says what types they are
compiled for.

>>> def f(x: float, n=2):
...     return x**n
>>> binding = Binding("f", list(inspect.signature(f).parameters.values()), {})
>>> binding.ordered((3,), {}), binding.floating(0, 3)
([3, 2], 3.0)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from srcdiff.frontend.annotations import type_of
from srcdiff.frontend.targets import Spread, Target, parameters_of
from srcdiff.ir.instances import described
from srcdiff.ir.types import FLOAT, UNKNOWN, Array, Scalar, Symbol, Type, Unknown
from srcdiff.signatures import as_floating, require_plain, share_memory, shares_with_itself


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
            title = f"{self.title}: argument `{self.every[i].name}`"
            written = f"`{self.title}` writes into `{self.every[i].name}`"
            if shares_with_itself(arguments[i]):
                raise ValueError(f"{title} holds the same memory twice, and {written}: pass copies in it")
            for name, content in kept:
                if share_memory(arguments[i], content):
                    raise ValueError(f"{title} shares memory with `{name}`, and {written}: pass a copy of it")
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


def binding_of(
    title: str, parameters: list[inspect.Parameter], signature: Mapping[str, str], target: Target | None
) -> Binding:
    """The parameters of a call, behind those that have their arguments already."""
    if target is None:
        return Binding(title, parameters, signature)
    whole: Any = Spread(target.function, target.names, target.keywords) if target.fitted else target.function
    every = parameters_of(whole)
    count = len(target.given)
    passed = sum(p.kind is not p.KEYWORD_ONLY for p in every[count:])
    return Binding(title, parameters, signature, every[:count], passed)


def straight_call(
    names: Sequence[str], classes: Sequence[str], generated: Callable[..., Any], long_way: Callable[..., Any]
) -> Callable[..., Any]:
    """A function of the user's parameters that compares the classes of its arguments and calls `generated`; what has
    other arguments goes the long way."""
    given = ", ".join(f"{n}=_missing" for n in names)
    test = " and ".join(f"{n}.__class__ is _{c}" for n, c in zip(names, classes, strict=True))
    text = (
        f"def __call__({given}, *_rest, **_keywords):\n"
        f"    if {test} and not _rest and not _keywords:\n"
        f"        return _generated({', '.join(names)})\n"
        f"    _given = {{n: v for n, v in zip(_names, ({', '.join(names)},)) if v is not _missing}}\n"
        f"    return _long_way(*_rest, **_given, **_keywords)\n"
    )
    namespace: dict[str, Any] = {
        "_missing": object(),
        "_float": float,
        "_int": int,
        "_bool": bool,
        "_generated": generated,
        "_names": names,
        "_long_way": long_way,
    }
    exec(text, namespace)
    call: Callable[..., Any] = namespace["__call__"]
    return call
