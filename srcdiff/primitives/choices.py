"""Choices among arrays, questions about them, and elementwise functions of two results.

Out: `CHOICES`, name -> primitive.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import Symbol
>>> print(CHOICES["np.nonzero"].infer(Value(Array("float64", (Symbol("n"), 3)))))
(int64[?], int64[?])
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import BOOL, INT, UNKNOWN, Array, List, Scalar, Tuple, Type
from srcdiff.primitives.inference import (
    InferenceError,
    broadcast_types,
    dtype_of_type,
    elementwise_type,
    primitive,
    require_numeric,
    shape_of_type,
)


def _nonzero(a: Value) -> Type:
    """A tuple of positions for each axis."""
    require_numeric("np.nonzero", a)
    shape = shape_of_type(a.type)
    if shape == ():
        raise InferenceError("np.nonzero needs an array, not a number")
    return UNKNOWN if shape is None else Tuple((Array("int64", (None,)),) * len(shape))


def _flatnonzero(a: Value) -> Type:
    require_numeric("np.flatnonzero", a)
    return Array("int64", (None,))


def _argwhere(a: Value) -> Type:
    require_numeric("np.argwhere", a)
    shape = shape_of_type(a.type)
    return Array("int64", (None, None if shape is None else len(shape)))


def _isin(element: Value, test_elements: Value, assume_unique: Value, invert: Value) -> Type:
    require_numeric("np.isin", element, test_elements)
    match elementwise_type("bool", element):
        case Scalar():
            return Array("bool", ())
        case t:
            return t


def _choose(a: Value, choices: Value) -> Type:
    require_numeric("np.choose", a)
    if isinstance(a.type, Scalar) and a.type.kind == "float":
        raise InferenceError("np.choose needs integers to choose by, not a float")
    match choices.type:
        case Tuple(items) if items:
            return broadcast_types([a.type, *items], _common([dtype_of_type(t) for t in items], items))
        case List() | Array() | Tuple():
            return UNKNOWN
        case Scalar():
            raise InferenceError("np.choose needs several arrays to choose from, not a number")
        case _:
            return UNKNOWN


def _common(dtypes: list[str | None], items: tuple[Type, ...]) -> str | None:
    """The dtype of arrays that are made one; numbers among arrays of single precision leave it open."""
    if None in dtypes:
        return None
    common = np.result_type(*(d for d in dtypes if d is not None))
    exact = all(isinstance(t, Array) for t in items) or common.itemsize == 8
    return str(common) if exact else None


def _parts(name: str, second: str | None) -> Callable[[Value], Type]:
    """The type of a function with two results: one like the operand, and another like it or of integers."""

    def infer(x: Value) -> Type:
        require_numeric(name, x)
        t = elementwise_type("float", x)
        if second is None:
            return Tuple((t, t))
        match t:
            case Array(_, shape):
                return Tuple((t, Array(second, shape)))
            case Scalar():
                return Tuple((t, INT))
            case _:
                return Tuple((t, UNKNOWN))

    return infer


CHOICES: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.nonzero", "a", _nonzero, np.nonzero),
        primitive("np.flatnonzero", "a", _flatnonzero, np.flatnonzero),
        primitive("np.argwhere", "a", _argwhere, np.argwhere),
        primitive(
            "np.isin",
            "element test_elements assume_unique invert",
            _isin,
            lambda e, t, unique, invert: np.isin(e, t, assume_unique=unique, invert=invert),
            defaults=(False, False),
        ),
        primitive("np.array_equal", "a1 a2 equal_nan", lambda *_: BOOL, np.array_equal, defaults=(False,)),
        primitive("np.array_equiv", "a1 a2", lambda *_: BOOL, np.array_equiv),
        primitive("np.choose", "a choices", _choose, np.choose),
        primitive("np.modf", "x", _parts("np.modf", None), np.modf),
        primitive("np.frexp", "x", _parts("np.frexp", "int32"), np.frexp),
    )
}
