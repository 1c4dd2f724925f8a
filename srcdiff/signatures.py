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

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

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
    List,
    Opaque,
    Symbol,
    Tuple,
    Type,
    join,
)

FUNCTION = Opaque("function")


def type_of_argument(value: object, name: str) -> Type:
    """The type of an argument; the dimensions of arrays are called after the parameter."""
    match value:
        case bool() | np.bool_():
            return BOOL
        case int() | np.integer():
            return INT
        case float() | np.floating():
            return FLOAT
        case np.ndarray():
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
        case tuple():
            return Tuple(tuple(type_of_argument(v, f"{name}_{i}") for i, v in enumerate(value)))
        case list():
            item: Type | None = None
            for i, v in enumerate(value):
                kind = type_of_argument(v, f"{name}_{i}")
                item = kind if item is None else join(item, kind)
            return List(item)
        case dict():
            return Dict(tuple((k, type_of_argument(v, f"{name}_{k}")) for k, v in value.items()))
    return FUNCTION if callable(value) else OBJECT


def key_of(arguments: Sequence[object]) -> Hashable:
    """A key that is equal for arguments that the same code serves."""
    parts: list[Hashable] = []
    value: Any
    for value in arguments:
        kind = value.__class__
        if kind is np.ndarray:
            shape = value.shape
            parts.append((value.dtype.char, len(shape) if 1 not in shape else tuple(n == 1 for n in shape)))
        elif kind is tuple or kind is list:
            parts.append((kind, key_of(value)))
        elif kind is dict:
            parts.append((tuple(value), key_of(tuple(value.values()))))
        else:
            parts.append(value if callable(value) else kind)
    return tuple(parts)


def as_floating(value: Any) -> Any:
    """`value` as something that can carry a derivative: integers become floats, containers item by item.

    >>> as_floating([1, 2.0, np.arange(2)])
    [1.0, 2.0, array([0., 1.])]
    """
    match value:
        case bool() | np.bool_() | str() | None:
            return value
        case int() | np.integer():
            return float(value)
        case np.ndarray() if value.dtype.kind in "iu":
            return value.astype(np.float64)
        case tuple():
            return tuple(map(as_floating, value))
        case list():
            return list(map(as_floating, value))
        case dict():
            return {k: as_floating(v) for k, v in value.items()}
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
        case tuple() | list():
            return any(map(carries_derivative, value))
        case dict():
            return any(map(carries_derivative, value.values()))
    return False
