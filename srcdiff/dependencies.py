"""What generated code was made from besides the function itself: globals and closure variables of the user's.

In: a function. Out: a `Dependency` for each variable that its code, or the code of what it calls, reads; while all of
them hold what they held, the generated code is up to date.

>>> import math
>>> def f(x):
...     return g(x) + math.pi
>>> def g(x):
...     return x
>>> [d.name for d in dependencies_of(f)]
['g']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

from srcdiff.frontend.live import class_of_derivative
from srcdiff.primitives.registry import Registration, registered


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


@dataclass(frozen=True)
class FunctionDependency(Dependency):
    """A function that the code was made from, and what was registered for it (None: nothing)."""

    registration: Registration | None

    def holds(self) -> bool:
        place = self.place
        found = place.cell_contents if isinstance(place, CellType) else place.get(self.name, self)
        return found is self.content and registered(found) is self.registration


def dependencies_of(function: Callable[..., Any]) -> list[Dependency]:
    """The globals and closure variables that the code of `function`, and of what it calls, is made from."""
    found: list[Dependency] = []
    seen: set[FunctionType] = set()
    followed: set[Registration] = set()
    pending: list[object] = [function]

    def note(place: Mapping[str, Any] | CellType, name: str, content: object) -> None:
        if callable(content):
            found.append(FunctionDependency(place, name, content, registered(content)))
        else:
            found.append(Dependency(place, name, content))
        pending.append(content)

    while pending:
        current = pending.pop()
        if class_of_derivative(current) is not None:
            pending.append(current.function)  # type: ignore[attr-defined]
            continue
        registration = registered(current)
        if registration is not None:
            # It is called as it is: its own code is not read, that of its rules is.
            if registration not in followed:
                followed.add(registration)
                pending.extend(registration.rules)
            continue
        if not isinstance(current, FunctionType) or current in seen:
            continue
        seen.add(current)
        for name, cell in zip(current.__code__.co_freevars, current.__closure__ or (), strict=True):
            note(cell, name, cell.cell_contents)
        names = _names_in(current.__code__)
        for name in names:
            if name not in current.__globals__:
                continue
            content = current.__globals__[name]
            if isinstance(content, ModuleType):
                for place, member in _members(content, names):
                    note(vars(place), member, vars(place)[member])
            elif not isinstance(content, type):
                note(current.__globals__, name, content)
    return found


def _members(module: ModuleType, names: Sequence[str]) -> Iterator[tuple[ModuleType, str]]:
    """What has a rule and may be meant by the names after that of a module: `module.part.function`."""
    pending, seen = [module], {module}
    while pending:
        place = pending.pop()
        for name in names:
            member = vars(place).get(name)
            if isinstance(member, ModuleType):
                if member not in seen:
                    seen.add(member)
                    pending.append(member)
            elif registered(member) is not None:
                yield place, name


def _names_in(code: CodeType) -> list[str]:
    """The global names that a code object, or one inside it, reads."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(dict.fromkeys(_names_in(constant)))
    return list(names)
