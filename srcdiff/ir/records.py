"""Records: named tuples and dataclasses of the user's, as the compiler and generated code see them.

In: a class, or an instance of one. Out: a `RecordClass`, what is known of a class whose instances are their fields and
nothing else; `items_of` and `rebuilt` take an instance apart and make another.

>>> from collections import namedtuple
>>> Params = namedtuple("Params", "w b")
>>> record_class(Params).fields, items_of(Params(1.0, 2.0)), rebuilt(Params(1.0, 2.0), [3.0, 4.0])
(('w', 'b'), (1.0, 2.0), Params(w=3.0, b=4.0))
>>> record_class(int) is None
True
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal


@dataclass(frozen=True)
class RecordClass:
    """A class whose instances are made of their fields by its constructor.

    Parameters
    ----------
    name, module
        Where it is found; `module` is empty where it cannot be imported, and then `live` is handed over.
    live
        The class itself; None where only its text is known.
    definition
        What the front end knows of its methods and defaults.
    """

    name: str
    module: str
    fields: tuple[str, ...]
    kind: Literal["namedtuple", "dataclass"]
    live: Any = None
    frozen: bool = True
    integers: frozenset[str] = frozenset()
    """The fields that are declared as `int`: they count something and are never promoted."""
    definition: Any = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.name


OPERATORS = frozenset(
    f"__{name}__"
    for name in (
        *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod"),
        *("pow", "rpow", "matmul", "rmatmul", "neg", "pos", "abs", "invert", "and", "rand", "or", "ror", "xor", "rxor"),
        *("iadd", "isub", "imul", "itruediv", "imatmul", "getitem", "setitem", "delitem", "contains", "iter", "len"),
        *("bool", "getattr", "getattribute", "setattr", "delattr", "new", "init", "post_init", "index", "float", "int"),
        *("array", "array_ufunc", "array_function"),
    )
)
"""What a class may define that makes its instances more than their fields."""


def is_record(value: object) -> bool:
    """Whether this is an instance of a class that is a record."""
    return record_class(type(value)) is not None


def record_class(cls: type) -> RecordClass | None:
    """What is known of a named tuple or a dataclass; None for any other class, and for one that does more than hold
    its fields: with a constructor, operators or attribute access of its own, `__post_init__`, or fields that its
    constructor does not take."""
    return _known(cls)


@lru_cache(maxsize=1024)
def _known(cls: Any) -> RecordClass | None:
    if issubclass(cls, tuple):
        fields = getattr(cls, "_fields", None)
        if type(fields) is not tuple or not all(type(f) is str for f in fields):
            return None
        made = next(c for c in reversed(cls.__mro__) if "_fields" in vars(c))
        own = OPERATORS & vars(made).keys() - {"__new__"}
        if tuple not in made.__bases__ or own or _more_than_fields(cls, before=made):
            return None
        return RecordClass(*place_of(cls), fields, "namedtuple", cls, True, _integers(cls))
    if not hasattr(cls, "__dataclass_fields__") or _more_than_fields(cls, before=object):
        return None
    known = dataclasses.fields(cls)
    marks = [getattr(f, "_field_type", None) for f in cls.__dataclass_fields__.values()]
    if not all(f.init for f in known) or any("INITVAR" in repr(mark) for mark in marks):
        return None
    frozen = bool(cls.__dataclass_params__.frozen)
    return RecordClass(*place_of(cls), tuple(f.name for f in known), "dataclass", cls, frozen, _integers(cls))


def _integers(cls: type) -> frozenset[str]:
    found: dict[str, Any] = {}
    for owner in reversed(cls.__mro__):
        found |= inspect.get_annotations(owner)
    return frozenset(name for name, said in found.items() if said in (int, "int"))


def _more_than_fields(cls: type, before: type) -> bool:
    """Whether the class, or one that it inherits from up to `before`, defines an operator or constructor by hand."""
    for owner in cls.__mro__[: cls.__mro__.index(before)]:
        for name in OPERATORS & vars(owner).keys():
            code = getattr(vars(owner)[name], "__code__", None)
            # What the decorator makes is compiled from a text of its own.
            generated = dataclasses.is_dataclass(owner) and code is not None and code.co_filename == "<string>"
            if not generated and not _guards_fields(owner, name):
                return True
    return False


def _guards_fields(owner: type, name: str) -> bool:
    """Whether this is the `__setattr__` or `__delattr__` of a frozen dataclass."""
    made = getattr(vars(owner)[name], "__qualname__", "")
    return name in ("__setattr__", "__delattr__") and made.startswith("_frozen")


def place_of(cls: type) -> tuple[str, str]:
    """Name and module under which the class can be imported; an empty module where it cannot."""
    home = None if cls.__module__ == "__main__" else sys.modules.get(cls.__module__)
    found: Any = home
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return (cls.__qualname__, cls.__module__) if found is cls else (cls.__name__, "")


def shadows_class(value: Any) -> list[str]:
    """The attributes that an instance of a record has beside its fields and that its class has under the same name."""
    known, own = record_class(type(value)), getattr(value, "__dict__", None)
    if known is None or not own or (known.kind == "dataclass" and len(own) == len(known.fields)):
        return []
    return [name for name in own if name not in known.fields and hasattr(type(value), name)]


def items_of(value: Any) -> tuple[Any, ...]:
    """The content of a record, field by field."""
    known = record_class(type(value))
    assert known is not None
    return tuple(getattr(value, name) for name in known.fields)


def rebuilt(value: Any, items: Iterable[Any]) -> Any:
    """A record of the same class with these items."""
    known = record_class(type(value))
    assert known is not None
    return known.live(**dict(zip(known.fields, items, strict=True)))
