"""The code of one derivative: made when it is first needed, once for each combination of argument types.

In: a function, a mode, `wrt` and the arguments of a call. Out: a `Specialisation`, the generated function for arguments
of their types, and what is to be done with the arguments before they are passed.

>>> def square(x):
...     return x * x
>>> made = Compiled(square, "gradient", None)
>>> made.general_wrt, made.latest.derived.name
((0,), 'square_grad')
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from srcdiff.binding import binding_of
from srcdiff.compiler import Derived, derive
from srcdiff.dependencies import Dependency, classes_in, dependencies_of
from srcdiff.diagnostics import TransformError
from srcdiff.frontend.live import class_of_derivative
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import fitted
from srcdiff.frontend.targets import parameters_of, target_of, varies
from srcdiff.ir.calls import opaque_results
from srcdiff.ir.core import Program
from srcdiff.ir.types import FLOAT, Type, Unknown, is_differentiable
from srcdiff.loading import digest, load
from srcdiff.modes import DEFAULT, MODES, WITH_SEEDS, Options
from srcdiff.parameters import Wrt, checked_wrt, wrt_positions
from srcdiff.signatures import carries_derivative, key_of, require_fields, type_of_argument


@dataclass(frozen=True)
class Specialisation:
    """The code for one combination of argument types.

    `promote` are the arguments that are passed as floats, `writes` those that the function writes into.
    """

    derived: Derived
    function: Callable[..., Any]
    promote: tuple[int, ...]
    writes: tuple[int, ...] = ()

    @cached_property
    def is_plain(self) -> bool:
        """Whether arguments are passed as they are, and none of them is written into."""
        return not self.promote and not self.writes

    @cached_property
    def unrepeatable(self) -> list[str]:
        """The opaque functions whose results the code reads, which may be others when it runs again."""
        return [title for function in self.derived.program.functions for title in opaque_results(function)]

    @cached_property
    def parameters(self) -> int:
        """How many positional parameters the generated function has."""
        return self.function.__code__.co_argcount


class Compiled:
    """The derivative of `function` in one mode, as code; the parameters are those of `Derivative`, which is called."""

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
        if class_of_derivative(function) in ("Jacobian", "HessianVectorProduct"):
            function = function.derivative  # type: ignore[attr-defined]
        self.function = function
        self.mode = mode
        self.wrt = checked_wrt(wrt)
        self.options = options
        self.signature = dict(signature or {})
        if options.directions and MODES[mode] not in WITH_SEEDS:
            raise ValueError(f"directions are those of the modes {', '.join(sorted(WITH_SEEDS))}, not of {mode!r}")
        self.target = None if isinstance(function, Compiled) else target_of(function)
        titled: Any = function if self.target is None else self.target.function
        self.__name__: str = getattr(titled, "__name__", "f")
        self.__qualname__: str = getattr(titled, "__qualname__", self.__name__)
        self.__module__: str = getattr(titled, "__module__", __name__)
        self.__doc__ = getattr(titled, "__doc__", None)
        self.given: tuple[Any, ...] = () if self.target is None else self.target.given
        """The arguments that the function has already: the object of a method, what a partial gives by position."""
        self.parameters = _parameters_of(function)
        self.binding = binding_of(self.__name__, self.parameters, self.signature, self.target)
        self._varies = self.target is not None and varies(function)
        self._cache: dict[Hashable, Specialisation] = {}
        self._dependencies: tuple[Dependency, ...] = ()
        self._last: Specialisation | None = None
        if self.wrt is not None and not self._varies:
            self._check_wrt(self.wrt)

    # -- compiling

    def _specialised(self, arguments: Sequence[Any]) -> Specialisation:
        """The code for arguments like these, made now and kept."""
        if not all(d.holds() for d in self._dependencies):
            self._cache.clear()
            self._dependencies = ()
        promote = self._promoted(arguments)
        types: dict[str, Type] = {}
        for position, (parameter, value) in enumerate(zip(self.binding.every, arguments, strict=True)):
            require_fields(value, parameter.name)
            passed = self.binding.floating(position, value) if position in promote else value
            given = type_of_argument(passed, parameter.name)
            types[parameter.name] = self.binding.compiled_type(parameter, given, value)
        derived = self._derive(types, self._inner_wrt(arguments))
        function = load(derived.body, derived.name, derived.captured)
        made = Specialisation(
            derived,
            function,
            tuple(i for i in promote if self.binding.floating(i, arguments[i]) is not arguments[i]),
            derived.writes,
        )
        self._cache[key_of(arguments)] = made
        return made

    def _promoted(self, arguments: Sequence[Any]) -> tuple[int, ...]:
        """The positions of the arguments that are passed as floats.

        These are those that a derivative is asked for, those that are declared as floats, and arrays in files.
        """
        first = self.binding.leading
        if self.wrt is None:
            wanted = tuple(i for i, a in enumerate(arguments) if i >= first and carries_derivative(a))
        else:
            wanted = tuple(first + i for i in self.positions(self.wrt))
        declared = (i for i, p in enumerate(self.binding.every) if self.binding.said(p) == FLOAT)
        mapped = (i for i, a in enumerate(arguments) if isinstance(a, np.memmap))
        return tuple(dict.fromkeys([*wanted, *declared, *mapped]))

    def _inner_wrt(self, arguments: Sequence[Any]) -> Wrt:
        """`wrt` for the function with source, of which the first parameters may have their arguments already."""
        first = self.binding.leading
        if not first:
            return self.wrt
        if self.wrt is None:
            found = tuple(i for i, a in enumerate(arguments) if i >= first and carries_derivative(a))
            return found[0] if len(found) == 1 else found
        positions = tuple(first + i for i in self.positions(self.wrt))
        return positions[0] if isinstance(self.wrt, int | str) else positions

    def _check_wrt(self, wrt: int | str | Sequence[int | str]) -> None:
        """Refuse, at the function's definition, what names no parameter; its module is read in that case alone."""
        try:
            self.positions(wrt)
        except TransformError:
            wrt_positions(self._module({})[0], self.__name__, self.binding.names, wrt)

    def positions(self, wrt: int | str | Sequence[int | str]) -> tuple[int, ...]:
        """The positions of the parameters that `wrt` names."""
        return wrt_positions(None, self.__name__, self.binding.names, wrt)

    def is_declared_float(self, position: int) -> bool:
        """Whether the annotation or the signature says that the parameter is a float or an array of floats."""
        said = self.binding.said(self.parameters[position])
        return not isinstance(said, Unknown) and is_differentiable(said)

    @property
    def general_wrt(self) -> tuple[int, ...]:
        """The positions of `wrt` where nothing is known of the arguments."""
        return tuple(i - self.binding.leading for i in self._general({}).wrt)

    def _general(self, types: Mapping[str, Type]) -> Derived:
        """The code where nothing is known of the arguments but what the types of some parameters say."""
        wrt: Wrt = self.wrt
        if self.given:
            leading = self.binding.every[: self.binding.leading]
            known = zip(leading, self.given, strict=True)
            types = {**types, **{p.name: type_of_argument(v, p.name) for p, v in known}}
            wrt = self._inner_wrt([*self.given, *(1.0 for _ in self.parameters)])
        return self._derive(types, wrt)

    def _derive(self, types: Mapping[str, Type], wrt: Wrt) -> Derived:
        module, name = self._module(types)
        function: Any = self.function if self.target is None else self.target.function
        known = dependencies_of(function, classes_in(types.values()))
        self._dependencies = tuple(dict.fromkeys([*self._dependencies, *known]))
        return derive(module, name, self.mode, wrt, self.options, types=types)

    def _module(self, types: Mapping[str, Type]) -> tuple[Module, str]:
        """The module that holds the function, and the function's name there."""
        if isinstance(self.function, Compiled):
            inner = self.function._general(types)
            module = Module.from_text(inner.body, f"<srcdiff {inner.name} {digest(inner.body)}>")
            module.environment = inner.captured
            return module, inner.name
        assert self.target is not None
        module, name = Module.from_function(self.target.function), self.target.function.__name__
        if self.target.fitted:
            module.functions[name] = fitted(module.functions[name], self.target.names, self.target.keywords)
        return module, name

    # -- what was made

    @property
    def latest(self) -> Specialisation:
        """The specialisation that ran last, or the general one."""
        if self._last is None:
            types = {p.name: said for p in self.parameters if not isinstance(said := self.binding.said(p), Unknown)}
            derived = self._general(types)
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
            return _without_leading(inspect.signature(self.generated), self.binding.leading)
        return inspect.Signature(self.parameters)

    def save(self, path: str | Path) -> None:
        """Write the code into a file."""
        Path(path).write_text(self.source, encoding="utf-8")


def _parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of what is to be differentiated: a function, or a derivative as it is called."""
    if not isinstance(function, Compiled):
        return parameters_of(function)
    if MODES[function.mode] in WITH_SEEDS:
        return parameters_of(function.generated)
    return function.parameters


def _without_leading(signature: inspect.Signature, count: int) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[count:])
