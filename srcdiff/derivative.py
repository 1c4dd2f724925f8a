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

import inspect
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from srcdiff.binding import binding_of, straight_call
from srcdiff.compiler import Derived, derive
from srcdiff.dependencies import Dependency, classes_in, dependencies_of
from srcdiff.diagnostics import TransformError
from srcdiff.frontend.live import class_of_derivative
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import fitted
from srcdiff.frontend.targets import parameters_of, spread, target_of, varies
from srcdiff.ir.calls import opaque_results
from srcdiff.ir.core import Program
from srcdiff.ir.types import FLOAT, Scalar, Type, Unknown, is_differentiable
from srcdiff.loading import digest, load
from srcdiff.modes import DEFAULT, MODES, WITH_SEEDS, Options
from srcdiff.parameters import Wrt, checked_wrt, wrt_positions
from srcdiff.signatures import (
    as_floating,
    carries_derivative,
    directions_in,
    key_of,
    require_fields,
    require_like,
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


class Derivative:
    """The derivative of `function` in one mode.

    Parameters
    ----------
    function
        A Python function, or another derivative (then its generated code is differentiated).
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
        if class_of_derivative(function) in ("Jacobian", "HessianVectorProduct"):
            function = function.derivative  # type: ignore[attr-defined]
        self.function = function
        self.mode = mode
        self.wrt = checked_wrt(wrt)
        self.options = options
        self.signature = dict(signature or {})
        if options.directions and MODES[mode] not in WITH_SEEDS:
            raise ValueError(f"directions are those of the modes {', '.join(sorted(WITH_SEEDS))}, not of {mode!r}")
        self.target = None if isinstance(function, Derivative) else target_of(function)
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
        self._fitted: dict[Hashable, Derivative] = {}
        """A derivative for each number of arguments, where the function takes any number."""
        self._last_fitted = self
        plain = self.binding.positional == len(self.parameters) and not self.given and not self._varies
        self._short = self.binding.positional if plain else -1
        """How many arguments a call has that needs no binding."""
        self._cache: dict[Hashable, Specialisation] = {}
        self._dependencies: tuple[Dependency, ...] = ()
        self._last: Specialisation | None = None
        if self.wrt is not None and not self._varies:
            self._check_wrt(self.wrt)

    # -- calling
    # ----------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) != self._short:
            return self._call_bound(args, kwargs)
        found = self._cache.get(key_of(args))
        if found is None or (self._dependencies and not all(d.holds() for d in self._dependencies)):
            found = self._specialised(args, ())
        if found.writes:
            self.binding.require_separate(found.writes, args, self._kept())
        if found.promote:
            args = tuple(self.binding.floating(i, a) if i in found.promote else a for i, a in enumerate(args))
        self._last = found
        return found.function(*args)

    def _call_bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call with keywords, defaults left out, or tangents and adjoints after the function's own arguments."""
        if self._varies:
            return self.fitted(len(args), tuple(kwargs))(*args, **kwargs)
        return self._run(self.binding.ordered(args, kwargs), args[self.binding.positional :], self.given)

    def fitted(self, count: int, keywords: tuple[str, ...]) -> Derivative:
        """The derivative of the function as it is called with so many arguments and these keywords.

        Raises
        ------
        TypeError
            where tangents or adjoints follow the arguments: it cannot be told which is which.
        """
        if MODES[self.mode] in WITH_SEEDS:
            raise TypeError(f"{self.__name__} takes any number of arguments: use jvp or vjp, or name its parameters")
        key = (count, keywords)
        if key not in self._fitted:
            one = spread(self.function, count, keywords)
            self._fitted[key] = Derivative(one, self.mode, self.wrt, self.options, self.signature)
        self._last_fitted = self._fitted[key]
        return self._last_fitted

    def _run(self, ordered: Sequence[Any], extra: Sequence[Any], leading: tuple[Any, ...]) -> Any:
        """Call with an argument for every parameter, and then tangents or adjoints, the long way."""
        binding = self.binding
        full = [*leading, *ordered]
        found = self._cache.get(key_of(full))
        if found is None or not all(d.holds() for d in self._dependencies):
            found = self._specialised(full, extra)
        binding.require_separate(found.writes, full, self._kept())
        self._require_extra(found, len(extra))
        positional, named = binding.split(
            [binding.floating(i, a) if i in found.promote else a for i, a in enumerate(full)]
        )
        self._last = found
        mode, given = MODES[self.mode], list(map(as_floating, extra))
        if mode in ("forward", "hvp"):
            wrt, by_position = found.derived.wrt, binding.leading + binding.passed
            self._require_like([full[i] for i in wrt], extra, "tangent")
            by_name = [seed for i, seed in zip(wrt, given, strict=True) if i >= by_position]
            named.update(zip(self._named_seeds(found), by_name, strict=True))
            given = [seed for i, seed in zip(wrt, given, strict=True) if i < by_position]
        result = found.function(*positional, *given, **named)
        if mode == "reverse":
            self._require_like([result[0]], extra, "output adjoint")
        return result

    def _named_seeds(self, found: Specialisation) -> list[str]:
        """The tangents of parameters that are by keyword only, which the generated code takes by keyword."""
        code = found.function.__code__
        names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        return [n for n in names if n not in {p.name for p in self.binding.every}]

    def _require_like(self, primals: Sequence[Any], seeds: Sequence[Any], what: str) -> None:
        """Tangents and adjoints have the shapes of their primals; stacks of them one more, leading axis.

        Raises
        ------
        ValueError, TypeError
            where they do not: NumPy would broadcast them, and the numbers would be wrong.
        """
        count: int | None = None
        if self.options.directions:
            found = (directions_in(p, s) for p, s in zip(primals, seeds, strict=True))
            count = next((d for d in found if d is not None), None)
            if count is None and any(map(carries_derivative, primals)):
                raise ValueError(f"the {what} is a stack of directions here, with one axis more than its primal")
        for primal, seed in zip(primals, seeds, strict=True):
            require_like(primal, seed, what, count)

    def with_extra(
        self, arguments: Sequence[Any], extra: Sequence[Any], keywords: Mapping[str, Any] | None = None
    ) -> Any:
        """Call with the function's arguments, defaults left out or not, and then tangents or adjoints."""
        keywords = keywords or {}
        return self.at(self.ordered(arguments, keywords), extra)

    def ordered(self, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Sequence[Any]:
        """An argument for every parameter of the function, in their order.

        Raises
        ------
        TypeError
            where the function could not be called like this.
        """
        if not keywords and len(arguments) == self._short:
            return arguments
        self.binding.require_count(len(arguments), keywords)
        return self.binding.ordered(arguments, keywords)

    def at(self, ordered: Sequence[Any], extra: Sequence[Any] = (), leading: tuple[Any, ...] | None = None) -> Any:
        """Call with an argument for every parameter, in their order, and then tangents or adjoints; `leading` instead
        of the arguments that the function has already."""
        leading = self.given if leading is None else leading
        full = (*leading, *ordered) if leading else ordered
        found = self._cache.get(key_of(full))
        fits = found is not None and found.is_plain and len(full) + len(extra) == found.parameters
        if found is not None and fits and all(d.holds() for d in self._dependencies):
            self._last = found
            return found.function(*full, *map(as_floating, extra))
        return self._run(ordered, extra, leading)

    def _require_extra(self, found: Specialisation, count: int) -> None:
        """After the function's own arguments come as many tangents or adjoints as the mode has.

        Raises
        ------
        TypeError
            where there are more or fewer.
        """
        own = self.binding.positional
        wanted = found.parameters - self.binding.leading - self.binding.passed + len(self._named_seeds(found))
        if count == wanted:
            return
        kind = {"forward": "tangent", "reverse": "output adjoint", "hvp": "tangent"}.get(MODES[self.mode])
        and_then = f" and then {wanted} {kind}{'s' * (wanted != 1)}" if kind else ""
        raise TypeError(f"{self.__name__} takes {own} arguments{and_then}, got {own + count} in all")

    def _kept(self) -> list[tuple[str, object]]:
        """The arrays and containers that the function reads by name, and not as arguments."""
        kinds = (np.ndarray, list, tuple, dict)
        return [(d.name, d.content) for d in self._dependencies if isinstance(d.content, kinds)]

    def require_separate(self, arguments: Sequence[Any]) -> None:
        """The arguments share no memory, where one of them is written into by the code that ran last.

        Raises
        ------
        ValueError
            where they do.
        """
        self.binding.require_separate(self.latest.writes, [*self.given, *arguments], self._kept())

    # -- compiling
    # --------------------------------------------------------------------------------------------------------

    def _specialised(self, arguments: Sequence[Any], extra: Sequence[Any]) -> Specialisation:
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
        if not made.promote and not self._dependencies and not extra:
            self._shortcut(made)
        return made

    def _shortcut(self, made: Specialisation) -> None:
        """Where annotations settle every parameter as a number, let calls with such numbers go straight to the code.

        The class of the object, made for it alone, gets a `__call__` with the user's parameters that compares the
        arguments' classes; anything else goes the long way.
        """
        said = [self.binding.said(p) for p in self.parameters]
        if not said or not all(isinstance(t, Scalar) for t in said) or self._short < 0:
            return
        names = self.binding.names
        if MODES[self.mode] in WITH_SEEDS or not all(n.isidentifier() for n in names):
            return
        classes = [t.kind for t in said if isinstance(t, Scalar)]
        call = straight_call(names, classes, made.function, self._call_bound_by_name)
        self._last = made
        self.__class__ = type("Derivative", (Derivative,), {"__call__": staticmethod(call)})

    def _call_bound_by_name(self, *rest: Any, **keywords: Any) -> Any:
        if rest:
            count = self.binding.positional
            raise TypeError(f"{self.__name__} takes {count} arguments, got {count + len(rest)}")
        return self._call_bound((), keywords)

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
        if isinstance(self.function, Derivative):
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
    # ----------------------------------------------------------------------------------------------------

    @property
    def latest(self) -> Specialisation:
        """The specialisation that ran last, or the general one."""
        if self._last_fitted is not self:
            return self._last_fitted.latest
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

    def __repr__(self) -> str:
        return f"<srcdiff {self.mode} of {self.__qualname__} with respect to {self.wrt!r}>"

    def __reduce__(self) -> tuple[Any, ...] | str:
        if _found_under_its_name(self):
            return self.__qualname__
        return (Derivative, (self.function, self.mode, self.wrt, self.options, self.signature))


def _found_under_its_name(derivative: Derivative) -> bool:
    """Whether the module's name for the function is bound to the derivative itself, as after `@grad`."""
    found: Any = sys.modules.get(derivative.__module__)
    for part in derivative.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is derivative


def _parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of what is to be differentiated: a function, or a derivative as it is called."""
    if not isinstance(function, Derivative):
        return parameters_of(function)
    if MODES[function.mode] in WITH_SEEDS:
        return parameters_of(function.generated)
    return function.parameters


def _without_leading(signature: inspect.Signature, count: int) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[count:])
