"""What is registered for live functions, as compile-time values.

In: a function object and its `Registration`. Out: the `CustomFunction` that it is, whose rules are found when they are
needed.

>>> import math
>>> from srcdiff.primitives.registry import register
>>> def f(x):
...     return math.sin(x)
>>> found = custom(f, register(f, zero=True), "m", "f")
>>> found.title, found.zero, found.has_rule
('f', True, False)
"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

from srcdiff.frontend import live
from srcdiff.frontend.names import (
    CustomFunction,
    External,
    FunctionSource,
    GlobalValue,
    Rule,
    RuleSource,
    Unsupported,
    undecorated,
)
from srcdiff.ir.types import OBJECT
from srcdiff.primitives.registry import Registration, registered


def custom(
    value: Any, registration: Registration, module: str, name: str, source: FunctionSource | None = None
) -> CustomFunction:
    """A function that is called as it is; its text, where it has one, says what its parameters are."""
    if source is None and isinstance(value, FunctionType):
        found = live._function(value)
        source = found if isinstance(found, FunctionSource) else None

    def rule(function: Any, form: str) -> Rule | None:
        return None if function is None else lambda: _rule_source(function, f"{name}_{form}")

    partials = registration.partials
    return CustomFunction(
        name,
        live._object(value, *place_of(value, module, name)),
        source,
        None if partials is None else tuple(rule(p, "partial") for p in partials),
        rule(registration.jvp, "tangent"),
        rule(registration.vjp, "adjoint"),
        registration.zero,
        registration.opaque,
    )


def _rule_source(function: Any, title: str) -> RuleSource:
    """What a derivative is made from; `title` is what a lambda is called."""
    registration = registered(function)
    name = getattr(function, "__name__", title)
    if registration is not None:
        return custom(function, registration, function.__module__ or "", name)
    if not isinstance(function, FunctionType):
        return CustomFunction(name, live._object(function, getattr(function, "__module__", None) or "", name))
    found = live._function(function)
    if isinstance(found, Unsupported):
        return found
    return replace(undecorated(found), name=title if name == "<lambda>" else name)


def place_of(value: Any, module: str, name: str) -> tuple[str, str]:
    """Where a function is imported from: the module that defines it, if it is found there."""
    home = str(getattr(value, "__module__", None))
    own = str(getattr(value, "__qualname__", None))
    if isinstance(value, FunctionType) and home != "__main__" and getattr(sys.modules.get(home), own, None) is value:
        return home, own
    return module, name


def custom_of_library(known: External) -> CustomFunction | None:
    """What is registered for the object that a module of this process has under a name."""
    value: Any = sys.modules.get(known.module)
    for part in known.attribute.split("."):
        # What a module makes when it is asked for (`np.str` warns) is not looked for.
        value = vars(value).get(part) if isinstance(value, ModuleType) else getattr(value, part, None)
    registration = registered(value)
    if registration is None:
        return None
    return replace(
        custom(value, registration, known.module, known.attribute),
        home=GlobalValue(known.module, known.attribute, OBJECT),
        title=str(known),
    )
