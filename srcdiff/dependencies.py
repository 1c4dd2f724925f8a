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

import functools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from srcdiff.frontend.libraries import in_library
from srcdiff.frontend.live import class_of_derivative, holds_functions, items_in
from srcdiff.ir.instances import is_foreign, is_object
from srcdiff.ir.records import is_record
from srcdiff.ir.types import Dict, Instance, List, Record, Tuple, Type
from srcdiff.primitives.registry import Registration, registered
from srcdiff.signatures import key_of


@dataclass(frozen=True, eq=False)
class Dependency:
    """A global, closure variable, or attribute of a class or module of the user's, and what it held when code was made.

    `key` is that of the content's type, where an object may change its attributes and stay the same object.
    """

    place: Mapping[str, Any] | CellType
    name: str
    content: object
    key: Hashable = None

    def holds(self) -> bool:
        now = self.place.cell_contents if isinstance(self.place, CellType) else self.place.get(self.name, self)
        return now is self.content and (self.key is None or self.key == _key(now))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dependency):
            return NotImplemented
        same = self.place is other.place and self.name == other.name
        return same and self.content is other.content and self.key == other.key

    def __hash__(self) -> int:
        return hash((id(self.place), self.name))


@dataclass(frozen=True, eq=False)
class FunctionDependency(Dependency):
    """A function that the code was made from, and what was registered for it (None: nothing)."""

    registration: Registration | None = None

    def holds(self) -> bool:
        return super().holds() and registered(self.content) is self.registration


@dataclass(frozen=True, eq=False)
class _Same:
    """An object as a key: equal to itself only."""

    content: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.content is other.content

    def __hash__(self) -> int:
        return id(self.content)


def dependencies_of(function: Callable[..., Any], classes: Iterable[type] = ()) -> list[Dependency]:
    """The globals, closure variables and members of classes that the code of `function`, and of what it calls, is made
    from; `classes` are those of its arguments."""
    found: list[Dependency] = []
    seen: set[object] = set()
    pending: list[object] = [function, *classes]
    followed: set[Registration] = set()

    def note(place: Mapping[str, Any] | CellType, name: str, content: object) -> None:
        if callable(content):
            found.append(FunctionDependency(place, name, content, _key(content), registered(content)))
        else:
            found.append(Dependency(place, name, content, _key(content)))
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
        pending.extend(_behind(current))
        if isinstance(current, type) and current not in seen and not is_foreign(current.__module__):
            seen.add(current)
            for owner in current.__mro__[:-1]:
                for name, content in vars(owner).items():
                    if not (name.startswith("__") and name.endswith("__")) or isinstance(content, FunctionType):
                        found.append(Dependency(vars(owner), name, content))
                        pending.append(content)
        if not isinstance(current, FunctionType) or current in seen or in_library(current.__module__ or ""):
            continue
        seen.add(current)
        names = _names_in(current.__code__)
        for name, cell in zip(current.__code__.co_freevars, current.__closure__ or (), strict=True):
            note(cell, name, cell.cell_contents)
        for name in names:
            if name not in current.__globals__:
                continue
            content = current.__globals__[name]
            if isinstance(content, ModuleType):
                if not is_foreign(content.__name__):
                    read = [n for n in names if n in vars(content) and not isinstance(vars(content)[n], ModuleType)]
                    found.extend(Dependency(vars(content), n, vars(content)[n]) for n in read)
                    pending.extend(vars(content)[n] for n in read)
                for place, member in _members(content, names):
                    note(vars(place), member, vars(place)[member])
                continue
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


def _behind(content: object) -> list[object]:
    """What else the code may be made from, where an object stands for a function or has a class of the user's."""
    match content:
        case functools.partial():
            return [content.func]
        case MethodType():
            return [content.__func__, type(content.__self__)]
        case staticmethod() | classmethod() | functools._lru_cache_wrapper():
            return [content.__wrapped__]
        case property():
            return [content.fget]
        case list() | tuple() | dict() if holds_functions(content):
            return items_in(content)
        case _ if is_object(content) or is_record(content):
            return [type(content)]
    return []


def _key(content: object) -> Hashable:
    if isinstance(content, list | tuple | dict) and holds_functions(content):
        # The functions themselves, which are kept alive and compared as objects.
        return tuple(content), tuple(map(_Same, items_in(content)))
    return key_of((content,)) if is_object(content) or is_record(content) else None


def classes_in(types: Iterable[Type]) -> list[type]:
    """The classes of the records and objects that values of these types are or hold."""
    found: list[type] = []
    for t in types:
        match t:
            case Tuple(items):
                if isinstance(t, Record) and t.made.live is not None:
                    found.append(t.made.live)
                found.extend(classes_in(items))
            case List(item) if item is not None:
                found.extend(classes_in([item]))
            case Dict(entries) if entries is not None:
                found.extend(classes_in(item for _, item in entries))
            case Instance(cls=cls, attributes=attributes):
                found.append(cls)
                found.extend(classes_in(item for _, item in attributes))
    return list(dict.fromkeys(found))


def _names_in(code: CodeType) -> list[str]:
    """The global names that a code object, or one inside it, reads."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(dict.fromkeys(_names_in(constant)))
    return list(names)
