"""What the user has said of functions in this process: rules of their own, and functions that are called as they are.

In: a function object. Out: its `Registration`. That of a Python function lives on the function itself and goes with
it; that of any other callable (of a C extension, say) is kept here for as long as the callable exists.

>>> def f(x):
...     return x
>>> registered(f) is None, register(f, zero=True).zero, registered(f).zero
(True, True, True)
>>> forget(f)
>>> registered(f) is None
True
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

Function = Callable[..., Any]

_ATTRIBUTE = "__srcdiff_registration__"


@dataclass(frozen=True, eq=False)
class Registration:
    """What is known of `function`: partial derivatives, functions that give its JVP and its VJP, or markers.

    Parameters
    ----------
    partials
        Of an elementwise function, one for each operand (None: it is zero).
    zero
        Its derivative is zero wherever it exists.
    opaque
        A call of it does more than compute its result: every call is kept, in its place.
    """

    function: Function
    partials: tuple[Function | None, ...] | None = None
    jvp: Function | None = None
    vjp: Function | None = None
    zero: bool = False
    opaque: bool = False

    @property
    def rules(self) -> tuple[Function, ...]:
        """The user's functions that the derivative is made from."""
        return tuple(f for f in (*(self.partials or ()), self.jvp, self.vjp) if f is not None)


_others: dict[int, tuple[Callable[[], Any], Registration]] = {}


def registered(function: object) -> Registration | None:
    """What is known of the object, if anything."""
    if isinstance(function, FunctionType):
        found: Registration | None = function.__dict__.get(_ATTRIBUTE)
        # A decorator that makes its wrapper look like what it wraps copies this too.
        return found if found is not None and found.function is function else None
    entry = _others.get(id(function))
    return entry[1] if entry is not None and entry[0]() is function else None


def register(function: Function, **changes: Any) -> Registration:
    """Note something of a function, beside what is known of it."""
    made = replace(registered(function) or Registration(function), **changes)
    if isinstance(function, FunctionType):
        setattr(function, _ATTRIBUTE, made)
        return made
    key = id(function)
    try:
        reference: Callable[[], Any] = weakref.ref(function, lambda _: _others.pop(key, None))
    except TypeError:
        reference = lambda: function  # noqa: E731
    _others[key] = (reference, made)
    return made


def forget(function: Function) -> None:
    """Take back all that was registered for a function."""
    if isinstance(function, FunctionType):
        function.__dict__.pop(_ATTRIBUTE, None)
    else:
        _others.pop(id(function), None)
