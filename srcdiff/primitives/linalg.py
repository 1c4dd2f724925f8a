"""Linear algebra: `numpy.linalg`.

Out: `LINALG`, name -> primitive.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import Array
>>> print(LINALG["np.linalg.det"].infer(Value(Array("float64", (3, 3)))))
float
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import UNKNOWN, Array, Tuple, Type
from srcdiff.primitives.inference import (
    Shape,
    ShapeError,
    array_or_scalar,
    broadcast_dimension,
    broadcast_shapes,
    dtype_of_type,
    float_dtype,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)


def _square(name: str, a: Value) -> Shape | None:
    require_numeric(name, a)
    shape = shape_of_type(a.type)
    if shape is None:
        return None
    if len(shape) < 2:
        raise ShapeError(f"{name} needs a square matrix")
    side = broadcast_dimension(shape[-2], shape[-1])
    return (*shape[:-2], side, side)


def _same(name: str) -> Any:
    def infer(a: Value) -> Type:
        return Array(float_dtype(dtype_of_type(a.type)), _square(name, a))

    return infer


def _det(a: Value) -> Type:
    shape = _square("np.linalg.det", a)
    if shape is None:
        return UNKNOWN
    return array_or_scalar(float_dtype(dtype_of_type(a.type)), shape[:-2])


def _slogdet(a: Value) -> Type:
    t = _det(a)
    return Tuple((t, t))


def _eigh(a: Value) -> Type:
    shape, dtype = _square("np.linalg.eigh", a), float_dtype(dtype_of_type(a.type))
    return Tuple((Array(dtype, None if shape is None else shape[:-1]), Array(dtype, shape)))


def _solve(a: Value, b: Value) -> Type:
    require_numeric("np.linalg.solve", b)
    p, q = _square("np.linalg.solve", a), shape_of_type(b.type)
    dtype = float_dtype(promote((a, b)))
    if p is None or q is None:
        return Array(dtype, None)
    if len(q) == 1:
        return Array(dtype, p[:-1])
    batch = broadcast_shapes([p[:-2], q[:-2]]) or ()
    return Array(dtype, (*batch, p[-1], q[-1]))


def _eigh_evaluate(a: Any) -> tuple[Any, Any]:
    values, vectors = np.linalg.eigh(a)
    return values, vectors


def _slogdet_evaluate(a: Any) -> tuple[Any, Any]:
    sign, logdet = np.linalg.slogdet(a)
    return sign, logdet


LINALG: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.linalg.inv", "a", _same("np.linalg.inv"), np.linalg.inv),
        primitive("np.linalg.cholesky", "a", _same("np.linalg.cholesky"), np.linalg.cholesky),
        primitive("np.linalg.det", "a", _det, np.linalg.det),
        primitive("np.linalg.slogdet", "a", _slogdet, _slogdet_evaluate),
        primitive("np.linalg.eigh", "a", _eigh, _eigh_evaluate),
        primitive("np.linalg.solve", "a b", _solve, np.linalg.solve),
    )
}
