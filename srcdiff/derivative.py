"""Generated functions as objects: compiled when they are first called, once for each combination of argument types.

In: a function, a mode and `wrt`. Out: a `Derivative`, called like the generated function, with `.source`, `.ir` and
`.save(path)`.

Between the caller and the generated code there is one dictionary look-up, or, where annotations say that every
parameter is a number, one comparison of classes. Numbers, arrays and functions that the code was made from (globals,
closures) are compared by identity before each call, so that a changed constant or a redefined helper is never
answered with old code.

>>> def square(x):
...     return x * x
>>> Derivative(square, "forward", None).mode
'forward'
"""

from __future__ import annotations

import functools
import inspect
import linecache
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CellType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from srcdiff.compiler import Derived, derive
from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.annotations import type_of
from srcdiff.frontend.live import class_of_derivative
from srcdiff.frontend.module import Module
from srcdiff.ir.core import Program
from srcdiff.ir.types import FLOAT, UNKNOWN, Array, Scalar, Symbol, Type, Unknown, is_differentiable
from srcdiff.loading import digest, load
from srcdiff.modes import DEFAULT, MODES, WITH_SEEDS, Options
from srcdiff.parameters import Wrt, checked_wrt, names_parameters, wrt_positions
from srcdiff.signatures import (
    as_floating,
    carries_derivative,
    described,
    key_of,
    require_plain,
    share_memory,
    type_of_argument,
)


@dataclass(frozen=True)
class Specialisation:
    """The code for one combination of argument types.

    `promote` are the arguments that are passed as floats, `writes` those that the function writes into.
    """

    derived: Derived
    function: Callable[..., Any]
    promote: tuple[int, ...]
    writes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Dependency:
    """A global or closure variable of the user's, and what it held when code was made."""

    place: Mapping[str, Any] | CellType
    name: str
    content: object

    def holds(self) -> bool:
        if isinstance(self.place, CellType):
            return self.place.cell_contents is self.content
        return self.place.get(self.name, self) is self.content


class Derivative:
    """The derivative of `function` in one mode.

    Parameters
    ----------
    function
        A Python function, or another `Derivative` (then its generated code is differentiated).
    mode
        A key of `srcdiff.modes.MODES`.
    wrt
        Index or name of a parameter, a sequence of these, or None for every parameter that can carry a derivative.
    options
        What else is chosen.
    signature
        Types of parameters by name, in the notation of annotations; they win over annotations.

    Raises
    ------
    srcdiff.TransformError
        at once where `wrt` names no parameter; everything else when the code is first needed.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        mode: str,
        wrt: Wrt,
        options: Options = DEFAULT,
        signature: Mapping[str, str] | None = None,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"unknown mode {mode!r}; the modes are {', '.join(MODES)}")
        self.function = function
        self.mode = mode
        self.wrt = checked_wrt(wrt)
        self.options = options
        self.signature = dict(signature or {})
        if options.directions and MODES[mode] not in WITH_SEEDS:
            raise ValueError(f"directions are those of the modes {', '.join(sorted(WITH_SEEDS))}, not of {mode!r}")
        self.parameters = _parameters_of(function)
        self.__name__: str = getattr(function, "__name__", "f")
        self.__qualname__: str = getattr(function, "__qualname__", self.__name__)
        self.__module__: str = getattr(function, "__module__", __name__)
        self.__doc__ = getattr(function, "__doc__", None)
        self._names = [p.name for p in self.parameters]
        self._defaults = {p.name: p.default for p in self.parameters if p.default is not p.empty}
        self._positional = sum(p.kind is not p.KEYWORD_ONLY for p in self.parameters)
        self._cache: dict[Hashable, Specialisation] = {}
        self._dependencies: tuple[Dependency, ...] = ()
        self._last: Specialisation | None = None
        if self.wrt is not None and not names_parameters(self._names, self.wrt):
            wrt_positions(self._module({})[0], self.__name__, self._names, self.wrt)

    # -- calling
    # ----------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) != self._positional or len(args) != len(self._names):
            return self._call_bound(args, kwargs)
        found = self._cache.get(key_of(args))
        if found is None or (self._dependencies and not all(d.holds() for d in self._dependencies)):
            found = self._specialised(args, ())
        if found.writes:
            self._require_separate(found.writes, args)
        if found.promote:
            args = tuple(self._floating(i, a) if i in found.promote else a for i, a in enumerate(args))
        self._last = found
        return found.function(*args)

    def _call_bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call with keywords, defaults left out, or tangents and adjoints after the function's own arguments."""
        extra = args[self._positional :]
        ordered = self.ordered(args, kwargs)
        found = self._cache.get(key_of(ordered))
        if found is None or not all(d.holds() for d in self._dependencies):
            found = self._specialised(ordered, extra)
        self._require_separate(found.writes, ordered)
        self._require_extra(found, len(extra))
        ordered = [self._floating(i, a) if i in found.promote else a for i, a in enumerate(ordered)]
        self._last = found
        keywords = dict(zip(self._names[self._positional :], ordered[self._positional :], strict=True))
        given = map(as_floating, extra)
        return found.function(*ordered[: self._positional], *given, **keywords)

    def ordered(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """An argument for each parameter of the function, in their order, defaults filled in.

        Raises
        ------
        TypeError
            where the function could not be called like this.
        """
        bound = dict(zip(self._names[: self._positional], args, strict=False))
        for name, value in kwargs.items():
            if name not in self._names:
                raise TypeError(f"{self.__name__} got an unexpected keyword argument {name!r}")
            if name in bound:
                raise TypeError(f"{self.__name__} got multiple values for argument {name!r}")
            bound[name] = value
        missing = [n for n in self._names if n not in bound and n not in self._defaults]
        if missing:
            raise TypeError(f"{self.__name__} is missing arguments: {', '.join(missing)}")
        return [bound[n] if n in bound else self._defaults[n] for n in self._names]

    def with_extra(
        self, arguments: Sequence[Any], extra: Sequence[Any], keywords: Mapping[str, Any] | None = None
    ) -> Any:
        """Call with the function's arguments, defaults left out or not, and then tangents or adjoints."""
        keywords = keywords or {}
        self.require_count(len(arguments), keywords)
        ordered = self.ordered(arguments, keywords)
        named = dict(zip(self._names[self._positional :], ordered[self._positional :], strict=True))
        return self(*ordered[: self._positional], *extra, **named)

    # -- compiling
    # --------------------------------------------------------------------------------------------------------

    def _specialised(self, arguments: Sequence[Any], extra: Sequence[Any]) -> Specialisation:
        """The code for arguments like these, made now and kept."""
        if not all(d.holds() for d in self._dependencies):
            self._cache.clear()
        promote = self._promoted(arguments)
        types: dict[str, Type] = {}
        for position, (parameter, value) in enumerate(zip(self.parameters, arguments, strict=True)):
            passed = self._floating(position, value) if position in promote else value
            given = type_of_argument(passed, parameter.name)
            types[parameter.name] = self._type(parameter, given, value)
        derived = self._derive(types)
        function = load(derived.body, derived.name, derived.captured)
        made = Specialisation(
            derived,
            function,
            tuple(i for i in promote if self._floating(i, arguments[i]) is not arguments[i]),
            derived.writes,
        )
        self._cache[key_of(arguments)] = made
        if not made.promote and not self._dependencies and not extra:
            self._shortcut(made)
        return made

    def _shortcut(self, made: Specialisation) -> None:
        """Where annotations settle every parameter as a number, let calls with such numbers go straight to the code.

        The class of the object, made for it alone, gets a `__call__` with the user's parameters that compares the
        arguments' classes; anything else goes the long way.
        """
        said = [self._said(p) for p in self.parameters]
        if not said or not all(isinstance(t, Scalar) for t in said) or self._positional != len(self._names):
            return
        names = self._names
        if MODES[self.mode] in WITH_SEEDS or not all(n.isidentifier() for n in names):
            return
        classes = [{"float": "float", "int": "int", "bool": "bool"}[t.kind] for t in said if isinstance(t, Scalar)]
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
            "_generated": made.function,
            "_names": names,
            "_long_way": self._call_bound_by_name,
        }
        exec(text, namespace)
        self._last = made
        self.__class__ = type("Derivative", (Derivative,), {"__call__": staticmethod(namespace["__call__"])})

    def _call_bound_by_name(self, *rest: Any, **keywords: Any) -> Any:
        if rest:
            raise TypeError(f"{self.__name__} takes {self._positional} arguments, got {self._positional + len(rest)}")
        return self._call_bound((), keywords)

    def _promoted(self, arguments: Sequence[Any]) -> tuple[int, ...]:
        """The positions of the arguments that are passed as floats.

        These are those that a derivative is asked for, and those that are declared as floats.
        """
        if self.wrt is None:
            wanted = tuple(i for i, a in enumerate(arguments) if carries_derivative(a))
        else:
            wanted = wrt_positions(None, self.__name__, self._names, self.wrt)
        declared = (i for i, p in enumerate(self.parameters) if self._said(p) == FLOAT)
        return tuple(dict.fromkeys([*wanted, *declared]))

    def _floating(self, position: int, value: Any) -> Any:
        """The argument as a float, or as a container or array of floats."""
        if isinstance(value, np.ndarray) and value.ndim == 0 and self._said(self.parameters[position]) == FLOAT:
            require_plain(value, f"argument `{self._names[position]}`")
            return float(value)
        if isinstance(value, bool | np.bool_) and self._said(self.parameters[position]) == FLOAT:
            return float(value)
        try:
            return as_floating(value)
        except OverflowError:
            raise OverflowError(
                f"{self.__name__}: argument `{self._names[position]}` holds an integer that is too large for a float"
            ) from None

    def require_count(self, count: int, keywords: Mapping[str, Any] | None = None) -> None:
        """The function takes so many positional arguments, and those with these names.

        Raises
        ------
        TypeError
            where it does not.
        """
        if count > self._positional:
            raise TypeError(f"{self.__name__} takes {self._positional} arguments, got {count}")
        left = [n for n in self._names[count : self._positional] if n not in (keywords or {})]
        missing = [n for n in left if n not in self._defaults]
        if missing:
            raise TypeError(f"{self.__name__} is missing arguments: {', '.join(missing)}")

    def _require_extra(self, found: Specialisation, count: int) -> None:
        """After the function's own arguments come as many tangents or adjoints as the mode has.

        Raises
        ------
        TypeError
            where there are more or fewer.
        """
        wanted = found.function.__code__.co_argcount - self._positional
        if count == wanted:
            return
        kind = {"forward": "tangent", "reverse": "output adjoint", "hvp": "tangent"}.get(MODES[self.mode])
        and_then = f" and then {wanted} {kind}{'s' * (wanted != 1)}" if kind else ""
        raise TypeError(
            f"{self.__name__} takes {self._positional} arguments{and_then}, got {self._positional + count} in all"
        )

    def require_separate(self, arguments: Sequence[Any]) -> None:
        """As at a call with arguments of the types of the last call."""
        self._require_separate(self.latest.writes, arguments)

    def _require_separate(self, writes: tuple[int, ...], arguments: Sequence[Any]) -> None:
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
                        f"{self.__name__}: arguments `{self._names[i]}` and `{self._names[k]}` share memory, and "
                        f"`{self.__name__}` writes into `{self._names[i]}`: pass a copy of one of them"
                    )

    def _type(self, parameter: inspect.Parameter, given: Type, value: object) -> Type:
        """The type that an argument is compiled for: the signature's or the annotation's where it says enough.

        Raises
        ------
        TypeError
            where the argument contradicts it.
        """
        said = self._said(parameter)
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
            f"{self.__name__}: argument `{parameter.name}` is {where} as {text}, but {described(value)} was given: "
            f"{better}remove the annotation"
        )

    def _said(self, parameter: inspect.Parameter) -> Type:
        if parameter.name in self.signature:
            return type_of(self.signature[parameter.name])
        annotation = parameter.annotation
        if annotation is parameter.empty:
            return UNKNOWN
        return type_of(_annotation_text(parameter))

    def is_declared_float(self, position: int) -> bool:
        """Whether the annotation or the signature says that the parameter is a float or an array of floats."""
        said = self._said(self.parameters[position])
        return not isinstance(said, Unknown) and is_differentiable(said)

    @property
    def general_wrt(self) -> tuple[int, ...]:
        """The positions of `wrt` where nothing is known of the arguments."""
        return self._derive({}).wrt

    def _derive(self, types: Mapping[str, Type]) -> Derived:
        module, name = self._module(types)
        self._dependencies = tuple(_dependencies(self.function))
        return derive(module, name, self.mode, self.wrt, self.options, types=types)

    def _module(self, types: Mapping[str, Type]) -> tuple[Module, str]:
        """The module that holds the function, and the function's name there."""
        if isinstance(self.function, Derivative):
            inner = self.function._derive(types)
            module = Module.from_text(inner.body, f"<srcdiff {inner.name} {digest(inner.body)}>")
            module.environment = inner.captured
            return module, inner.name
        assert isinstance(self.function, FunctionType)
        return Module.from_function(self.function), self.function.__name__

    # -- what was made
    # ----------------------------------------------------------------------------------------------------

    @property
    def latest(self) -> Specialisation:
        """The specialisation that ran last, or the general one."""
        if self._last is None:
            types = {p.name: said for p in self.parameters if not isinstance(said := self._said(p), Unknown)}
            derived = self._derive(types)
            self._last = Specialisation(derived, load(derived.body, derived.name, derived.captured), (), derived.writes)
        return self._last

    @property
    def source(self) -> str:
        """The code that runs: of the specialisation that ran last, or the general one."""
        return self.latest.derived.body

    @property
    def ir(self) -> Program:
        """The generated program as IR."""
        return self.latest.derived.program

    @property
    def generated(self) -> Callable[..., Any]:
        """The generated function itself, for calls without any look-up."""
        return self.latest.function

    @property
    def __signature__(self) -> inspect.Signature:
        """The user's parameters, and after them the tangents or the output adjoint."""
        if MODES[self.mode] in WITH_SEEDS:
            return inspect.signature(self.generated)
        return inspect.Signature(self.parameters)

    def save(self, path: str | Path) -> None:
        """Write the code into a file."""
        Path(path).write_text(self.source, encoding="utf-8")

    def __repr__(self) -> str:
        return f"<srcdiff {self.mode} of {self.__qualname__} with respect to {self.wrt!r}>"

    def __reduce__(self) -> tuple[Any, ...] | str:
        if _found_under_its_name(self):
            return self.__qualname__
        return (Derivative, (self.function, self.mode, self.wrt, self.options, self.signature))


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


def _found_under_its_name(derivative: Derivative) -> bool:
    """Whether the module's name for the function is bound to the derivative itself, as after `@grad`."""
    found: Any = sys.modules.get(derivative.__module__)
    for part in derivative.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is derivative


def _annotation_text(parameter: inspect.Parameter) -> str:
    """The annotation as it is written."""
    annotation = parameter.annotation
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of what is to be differentiated.

    Raises
    ------
    srcdiff.TransformError
        where it is not a function with Python source.
    """
    if isinstance(function, Derivative):
        if MODES[function.mode] in WITH_SEEDS:
            return list(inspect.signature(function.generated).parameters.values())
        return function.parameters
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


def _dependencies(function: Callable[..., Any]) -> list[Dependency]:
    """The globals and closure variables that the code of `function`, and of what it calls, is made from."""
    found: list[Dependency] = []
    seen: set[FunctionType] = set()
    pending: list[object] = [function]
    while pending:
        current = pending.pop()
        if class_of_derivative(current) is not None:
            pending.append(current.function)  # type: ignore[attr-defined]
            continue
        if not isinstance(current, FunctionType) or current in seen:
            continue
        seen.add(current)
        for name, cell in zip(current.__code__.co_freevars, current.__closure__ or (), strict=True):
            content = cell.cell_contents
            found.append(Dependency(cell, name, content))
            pending.append(content)
        for name in _names_in(current.__code__):
            content = current.__globals__.get(name)
            if content is not None and not isinstance(content, ModuleType | type):
                found.append(Dependency(current.__globals__, name, content))
                pending.append(content)
    return found


def _names_in(code: CodeType) -> list[str]:
    """The global names that a code object, or one inside it, reads."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(dict.fromkeys(_names_in(constant)))
    return list(names)
