"""Conversions by the name of a dtype: `np.float32(x)`, `np.int64(n)`.

In: a number, an array or a display of numbers. Out: `CASTS`, name -> primitive; `OF_FLOATS`, those that pass on a
derivative.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT, Array
>>> print(CASTS["np.float32"].infer(Value(Array("float64", (3,)))), CASTS["np.int64"].infer(Value(FLOAT)))
float32[3] int
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import UNKNOWN, Array, Scalar, Type
from srcdiff.primitives.inference import (
    array_or_scalar,
    is_numeric,
    kind_of_dtype,
    primitive,
    require_numeric,
    shape_of_type,
)

_FLOATS = ("float64", "float32", "double", "single", "longdouble")
_OTHERS = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "intp", "int_", "bool_")


def _infer(name: str) -> Callable[[Value], Type]:
    dtype = str(np.dtype(getattr(np, name)))

    def infer(x: Value) -> Type:
        require_numeric(f"np.{name}", x)
        if isinstance(x.type, Scalar):
            return Scalar(kind_of_dtype(dtype))
        shape = shape_of_type(x.type)
        if shape is None and not isinstance(x.type, Array):
            return UNKNOWN if is_numeric(x.type) else x.type
        return array_or_scalar(dtype, shape)

    return infer


def _cast(name: str) -> Primitive:
    return primitive(f"np.{name}", "x", _infer(name), getattr(np, name), views=(0,))


CASTS: dict[str, Primitive] = {p.name: p for p in map(_cast, (*_FLOATS, *_OTHERS))}
OF_FLOATS = tuple(f"np.{name}" for name in _FLOATS)
OF_OTHERS = tuple(f"np.{name}" for name in _OTHERS)
