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

import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from srcdiff.binding import straight_call
from srcdiff.compiled import Compiled, Specialisation
from srcdiff.frontend.targets import spread
from srcdiff.ir.types import Scalar
from srcdiff.modes import DEFAULT, MODES, WITH_SEEDS, Options
from srcdiff.parameters import Wrt
from srcdiff.signatures import (
    as_floating,
    carries_derivative,
    directions_in,
    key_of,
    require_like,
)


class Derivative(Compiled):
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
        super().__init__(function, mode, wrt, options, signature)
        self._fitted: dict[Hashable, Derivative] = {}
        """A derivative for each number of arguments, where the function takes any number."""
        self._last_fitted = self
        plain = self.binding.positional == len(self.parameters) and not self.given and not self._varies
        self._short = self.binding.positional if plain else -1
        """How many arguments a call has that needs no binding."""

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

    def _specialised(self, arguments: Sequence[Any], extra: Sequence[Any] = ()) -> Specialisation:
        """The code for arguments like these, made now and kept."""
        made = super()._specialised(arguments)
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

    # -- what was made
    # ----------------------------------------------------------------------------------------------------

    @property
    def latest(self) -> Specialisation:
        """The specialisation that ran last, or the general one."""
        return super().latest if self._last_fitted is self else self._last_fitted.latest

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
