"""Arguments of a call: their types, and the key under which the code made for such types is kept.

In: Python and NumPy objects. Out: IR types, one symbol per array dimension that is not 1 (so that broadcasting is
settled), and a cheap hashable key that is equal for arguments of the same types.

>>> print(type_of_argument(2.0, "x"), type_of_argument(np.ones((3, 1)), "A"), type_of_argument({"w": 1.0}, "d"))
float float64[A_0, 1] {'w': float}
>>> key_of((2.0, np.ones(3))) == key_of((1.5, np.zeros(7)))
True
>>> key_of((np.ones(1),)) == key_of((np.ones(2),))
False
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import combinations
from numbers import Number
from typing import Any

import numpy as np

from srcdiff.frontend.classes import described_class
from srcdiff.ir.instances import DEPTH, attributes_of, deeper, described, is_array_like, is_object
from srcdiff.ir.records import is_record, items_of, rebuilt, record_class, shadows_class
from srcdiff.ir.types import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    OBJECT,
    RANGE,
    SLICE,
    STR,
    Array,
    Dict,
    Instance,
    List,
    Opaque,
    Record,
    Symbol,
    Tuple,
    Type,
    Unreadable,
    join,
)

FUNCTION = Opaque("function")

_APART = "pass real and imaginary parts apart"


def type_of_argument(value: object, name: str, depth: int = 0) -> Type:
    """The type of an argument; the dimensions of arrays are called after the parameter. `depth` is the number of
    objects that it is an attribute of.

    Raises
    ------
    TypeError
        where it is or holds an array of a class or of items that generated code does not compute with.
    """
    match value:
        case bool() | np.bool_():
            return BOOL
        case int() | np.integer():
            return INT
        case float() | np.floating():
            return FLOAT
        case complex() | np.complexfloating():
            raise TypeError(f"argument `{name}` is a complex number: only real numbers are supported; {_APART}")
        case np.ndarray():
            require_plain(value, f"argument `{name}`")
            shape = tuple(
                1 if size == 1 else Symbol(f"{name}_{axis}", plural=True) for axis, size in enumerate(value.shape)
            )
            return Array(value.dtype.name, shape)
        case str():
            return STR
        case None:
            return NONE
        case range():
            return RANGE
        case slice():
            return SLICE
        case _ if (made := record_class(type(value))) is not None:
            pairs = zip(made.fields, items_of(value), strict=True)
            items = tuple(type_of_argument(v, f"{name}_{field}", depth) for field, v in pairs)
            return Record(items, described_class(made))
        case tuple():
            return Tuple(tuple(type_of_argument(v, f"{name}_{i}", depth) for i, v in enumerate(value)))
        case list():
            item: Type | None = None
            for i, v in enumerate(value):
                kind = type_of_argument(v, f"{name}_{i}", depth)
                item = kind if item is None else join(item, kind)
            return List(item)
        case dict():
            return Dict(tuple((k, type_of_argument(v, f"{name}_{k}", depth)) for k, v in value.items()))
    if is_object(value):
        return _object_type(value, name, depth)
    _require_known(value, name)
    return FUNCTION if callable(value) else OBJECT


def _object_type(value: object, name: str, depth: int) -> Type:
    if depth == DEPTH:
        return OBJECT
    known: list[tuple[str, Type]] = []
    inner = deeper(value, depth)
    for attribute, content in attributes_of(value).items():
        try:
            kind = type_of_argument(content, f"{name}_{attribute}", inner)
        except TypeError as error:
            kind = Unreadable("object", str(error))
        known.append((attribute, kind))
    return Instance("object", type(value), tuple(known))


def _require_known(value: object, name: str) -> None:
    """What looks like a number or an array is one that generated code computes with.

    Raises
    ------
    TypeError
        where it is of another library.
    """
    cls = type(value)
    kind = f"{cls.__module__.split('.')[0]}.{cls.__name__}"
    if isinstance(value, np.void | np.complexfloating):
        raise TypeError(f"argument `{name}` is a {kind}: only real numbers and arrays of them are supported")
    if isinstance(value, Number):
        raise TypeError(f"argument `{name}` is a {kind}, and generated code computes with floats: pass float({name})")
    if isinstance(value, type) or not is_array_like(cls) or isinstance(value, np.generic):
        return
    convert = f"{name}.toarray()" if hasattr(cls, "toarray") else f"np.asarray({name})"
    raise TypeError(f"argument `{name}` is a {kind}, and generated code computes with NumPy arrays: pass {convert}")


_ITEMS = {
    "c": "complex numbers",
    "O": "Python objects",
    "U": "strings",
    "S": "bytes",
    "M": "dates",
    "m": "time differences",
    "V": "records",
}


def require_plain(array: np.ndarray[Any, Any], what: str) -> None:
    """Generated code computes with plain arrays of real numbers.

    Raises
    ------
    TypeError
        where the array is something else.
    """
    if type(array) is not np.ndarray:
        kind = f"{type(array).__module__.split('.')[0]}.{type(array).__name__}"
        raise TypeError(f"{what} is a {kind}, whose operations differ from those of plain arrays: pass np.asarray(...)")
    if array.dtype.kind not in "fiub":
        remedy = f"; {_APART}" if array.dtype.kind == "c" else ""
        raise TypeError(
            f"{what} is an array of {_ITEMS.get(array.dtype.kind, str(array.dtype))}: "
            f"only arrays of floats, integers and booleans are supported{remedy}"
        )


def require_fields(value: object, name: str) -> None:
    """A record is its fields and what its class says of all instances.

    Raises
    ------
    TypeError
        where an instance has an attribute of its own under a name of its class.
    """
    more = shadows_class(value)
    if more:
        raise TypeError(
            f"argument `{name}` has an attribute `{more[0]}` of its own, which hides that of its class "
            f"`{type(value).__name__}`: make it a field"
        )
    match value:
        case _ if is_record(value):
            for item in items_of(value):
                require_fields(item, name)
        case list() | tuple():
            for item in value:
                require_fields(item, name)
        case dict():
            for item in value.values():
                require_fields(item, name)


def directions_in(primal: Any, other: Any) -> int | None:
    """How many directions a tangent or adjoint holds: it is a stack of them where its first number or array has one
    axis more than its primal. None: it is a single one, or there is nothing in it to tell.

    >>> directions_in(np.ones(3), np.ones((5, 3))), directions_in({"a": 1.0}, {"a": np.ones(2)})
    (5, 2)
    >>> directions_in(2.0, 1.0)
    """
    match primal, other:
        case _ if is_record(primal) and is_record(other):
            pairs: Iterator[tuple[Any, Any]] = iter(zip(items_of(primal), items_of(other), strict=False))
        case (list() | tuple(), list() | tuple()):
            pairs = iter(zip(primal, other, strict=False))
        case (dict(), dict()):
            pairs = ((value, other[key]) for key, value in primal.items() if key in other)
        case (bool() | np.bool_(), _):
            return None
        case (int() | float() | np.number() | np.ndarray(), np.ndarray()) if other.ndim == np.ndim(primal) + 1:
            return len(other)
        case _:
            return None
    return next((found for p, o in pairs if (found := directions_in(p, o)) is not None), None)


def certainly_like(primal: Any, other: Any) -> bool:
    """Whether a tangent or adjoint fits its primal at first sight: floats, or plain arrays of floats of one shape."""
    if other.__class__ is np.ndarray:
        return primal.__class__ is np.ndarray and primal.shape == other.shape and other.dtype.kind == "f"
    return other.__class__ is float and primal.__class__ is float


def require_like(primal: Any, other: Any, what: str, directions: int | None = None) -> None:
    """A tangent or adjoint has the structure and the shapes of its primal; a stack of `directions` of them has one
    more, leading axis of this length in each number and array.

    Raises
    ------
    ValueError
        where it does not.
    TypeError
        where it holds something that is no real number, or no plain array of these.
    """
    match primal:
        case bool() | np.bool_():
            return
        case _ if (made := record_class(type(primal))) is not None:
            if type(other) is not type(primal):
                raise ValueError(f"the {what} is {described(other)}, its primal {described(primal)}")
            for name, p, o in zip(made.fields, items_of(primal), items_of(other), strict=True):
                require_like(p, o, f"{what} of field `{name}`", directions)
        case np.ndarray() | float() | int() | np.floating() | np.integer():
            if isinstance(other, list | tuple | dict):
                raise ValueError(f"the {what} is {described(other)}, its primal {described(primal)}")
            if isinstance(other, np.ndarray):
                require_plain(other, f"the {what}")
            elif isinstance(other, complex) or not isinstance(other, float | int | np.number | np.bool_):
                raise TypeError(f"the {what} is {described(other)}, not a real number or an array of these")
            lead = () if directions is None else (directions,)
            if lead + np.shape(primal) != np.shape(other):
                stack = f", for {directions} directions" if lead else ""
                raise ValueError(f"the {what} has shape {np.shape(other)}, its primal {np.shape(primal)}{stack}")
        case list() | tuple():
            # NumPy gives some tuples names, those of derivatives have none.
            kind_of = tuple if isinstance(primal, tuple) else list
            if not isinstance(other, kind_of) or len(other) != len(primal):
                size = f" of {len(other)} items" if isinstance(other, list | tuple) else ""
                kind = type(primal).__name__
                raise ValueError(f"the {what} is {described(other)}{size}, its primal a {kind} of {len(primal)} items")
            for i, (p, o) in enumerate(zip(primal, other, strict=True)):
                require_like(p, o, f"{what} of item {i}", directions)
        case dict():
            if not isinstance(other, dict) or other.keys() != primal.keys():
                found = f"has the keys {list(other)}" if isinstance(other, dict) else f"is {described(other)}"
                raise ValueError(f"the {what} {found}, its primal is a dict with the keys {list(primal)}")
            for key, value in primal.items():
                require_like(value, other[key], f"{what} of item {key!r}", directions)


def leaves_of(value: object) -> Iterator[object]:
    """Everything in an argument that can be written into: arrays, lists and dicts, the containers first."""
    match value:
        case np.ndarray():
            yield value
        case _ if is_record(value):
            for item in items_of(value):
                yield from leaves_of(item)
        case _ if is_object(value):
            for item in attributes_of(value).values():
                if not is_object(item):
                    yield from leaves_of(item)
        case list() | tuple():
            if isinstance(value, list):
                yield value
            for item in value:
                yield from leaves_of(item)
        case dict():
            yield value
            for item in value.values():
                yield from leaves_of(item)


def share_memory(a: object, b: object) -> bool:
    """Whether a write into one argument can be seen in the other."""
    for one in leaves_of(a):
        for other in leaves_of(b):
            if one is other or _share(one, other):
                return True
    return False


def shares_with_itself(value: object) -> bool:
    """Whether two things in a container are one, or share memory."""
    if not isinstance(value, list | tuple | dict):
        return False
    leaves = list(leaves_of(value))
    return any(a is b or _share(a, b) for a, b in combinations(leaves, 2))


def _share(a: object, b: object) -> bool:
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.shares_memory(a, b)


_NUMBERS = frozenset((float, int, bool, str, type(None), np.float64, np.float32, np.int64, np.bool_))


def key_of(arguments: Iterable[object], depth: int = 0) -> Hashable:
    """A key that is equal for arguments that the same code serves; `depth` is the number of objects that they are
    attributes of."""
    parts: list[Hashable] = []
    value: Any
    for value in arguments:
        kind = value.__class__
        if kind in _NUMBERS:
            parts.append(kind)
        elif kind is np.ndarray:
            shape = value.shape
            parts.append((value.dtype.char, len(shape) if 1 not in shape else tuple(n == 1 for n in shape)))
        elif kind is tuple or kind is list:
            parts.append((kind, key_of(value, depth)))
        elif kind is dict:
            parts.append((tuple(value), key_of(value.values(), depth)))
        elif (made := record_class(kind)) is not None:
            inner = key_of([getattr(value, name) for name in made.fields], depth)
            parts.append((kind, inner, tuple(shadows_class(value))))
        elif kind is np.memmap:
            parts.append(("memmap", key_of((np.asarray(value),))))
        elif is_object(value):
            known = attributes_of(value) if depth < DEPTH else {}
            parts.append((kind, tuple(known), key_of(known.values(), deeper(value, depth))))
        else:
            parts.append(value if callable(value) else kind)
    return tuple(parts)


def as_floating(value: Any) -> Any:
    """`value` as something that can carry a derivative: integers become floats, containers item by item. It is `value`
    itself where there is nothing to change.

    >>> as_floating([1, 2.0, np.arange(2)])
    [1.0, 2.0, array([0., 1.])]
    """
    match value:
        case bool() | np.bool_() | str() | None:
            return value
        case int() | np.integer():
            return float(value)
        case np.memmap():
            return as_floating(np.asarray(value))
        case np.ndarray() if value.dtype.kind in "iu":
            return value.astype(np.float64)
        case _ if (made := record_class(type(value))) is not None:
            given = items_of(value)
            changed = [v if n in made.integers else as_floating(v) for n, v in zip(made.fields, given, strict=True)]
            return value if all(a is b for a, b in zip(changed, given, strict=True)) else rebuilt(value, changed)
        case tuple() | list():
            items = list(map(as_floating, value))
            if all(a is b for a, b in zip(items, value, strict=True)):
                return value
            return items if isinstance(value, list) else tuple(items)
        case dict():
            named = {k: as_floating(v) for k, v in value.items()}
            return value if all(named[k] is v for k, v in value.items()) else named
    return value


def carries_derivative(value: object) -> bool:
    """Whether an argument can have a derivative: a float, an array of floats, or a container with one of these."""
    match value:
        case bool() | np.bool_() | str() | None:
            return False
        case float() | np.floating():
            return True
        case np.ndarray():
            return bool(value.dtype.kind == "f")
        case _ if is_record(value):
            return any(map(carries_derivative, items_of(value)))
        case tuple() | list():
            return any(map(carries_derivative, value))
        case dict():
            return any(map(carries_derivative, value.values()))
    return False
