"""Products of arrays: dot, outer, inner. (`a @ b` is an operator, einsum has a module of its own.)

Out: `PRODUCTS`, name -> primitive.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> print(PRODUCTS["np.inner"].infer(x, x))
float64[n, n]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import FLOAT, UNKNOWN, Array, Scalar, Type
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import (
    array_or_scalar,
    broadcast_dimension,
    elementwise_type,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.operators import matmul_shape, product_type
from srcdiff.primitives.shapes import total


def _dot(a: Value, b: Value) -> Type:
    require_numeric("np.dot", a, b)
    p, q = shape_of_type(a.type), shape_of_type(b.type)
    if p == () or q == ():
        return elementwise_type("same", a, b)
    if p is None or q is None or len(q) < 3:
        return product_type("np.dot", a, b)
    # Of an array with more axes the last but one is summed over, and the others stand beside those of a.
    summed, left, right = p[-1:], p[:-1], (*q[:-2], q[-1])
    matmul_shape(summed, q[-2:])
    return Array(promote((a, b)), (*left, *right))


def _outer(a: Value, b: Value) -> Type:
    require_numeric("np.outer", a, b)
    p, q = shape_of_type(a.type), shape_of_type(b.type)
    return Array(promote((a, b)), (None if p is None else total(p), None if q is None else total(q)))


def _vdot(a: Value, b: Value) -> Type:
    require_numeric("np.vdot", a, b)
    return array_or_scalar(promote((a, b)), ())


def _inner(a: Value, b: Value) -> Type:
    require_numeric("np.inner", a, b)
    p, q = shape_of_type(a.type), shape_of_type(b.type)
    if p == () or q == ():
        return elementwise_type("same", a, b)
    if p is None or q is None:
        return UNKNOWN
    broadcast_dimension(p[-1], q[-1])
    return array_or_scalar(promote((a, b)), (*p[:-1], *q[:-1]))


def _matmul_adjoint(position: int) -> Any:
    def infer(g: Value, a: Value, b: Value) -> Type:
        match (a, b)[position].type:
            case Scalar():
                return FLOAT
            case Array(_, shape):
                return Array(None, shape)
            case _:
                return UNKNOWN

    return infer


PRODUCTS: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.dot", "a b", _dot, np.dot),
        primitive("np.outer", "a b", _outer, np.outer),
        primitive("np.vdot", "a b", _vdot, np.vdot),
        primitive("np.inner", "a b", _inner, np.inner),
        primitive("matmul_left", "g a b", _matmul_adjoint(0), helper("matmul_left")),
        primitive("matmul_right", "g a b", _matmul_adjoint(1), helper("matmul_right")),
        primitive(
            "product_of_others",
            "x axis",
            lambda x, axis: x.type,
            helper("product_of_others"),
        ),
    )
}
