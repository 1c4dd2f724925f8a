"""Diagonals and triangles of arrays, and where they lie.

Out: `DIAGONALS`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 4, Symbol("n"))))
>>> print(DIAGONALS["np.diagonal"].infer(x, constant(0), constant(0), constant(-1)))
float64[4, n]
"""

from __future__ import annotations

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import UNKNOWN, Array, Dimension, Scalar, Tuple, Type
from srcdiff.primitives.inference import (
    Shape,
    ShapeError,
    add_dimensions,
    array_or_scalar,
    dimension_of,
    dtype_of_type,
    of_numbers,
    shape_of_type,
)
from srcdiff.primitives.known import axis_of, dtype_operand, normal_axes
from srcdiff.primitives.shapes import total


def _side(d: Dimension, k: Value) -> Dimension:
    """The side of a matrix with `d` numbers on its diagonal number k."""
    offset = k.value if isinstance(k, Constant) else None
    return d if offset == 0 else add_dimensions(d, abs(offset)) if isinstance(offset, int) else None


def _diag(v: Value, k: Value) -> Type:
    shape = shape_of_type(v.type)
    if shape is None:
        return Array(dtype_of_type(v.type), None)
    match shape:
        case (d,):
            return Array(dtype_of_type(v.type), (_side(d, k),) * 2)
        case (_, _):
            return Array(dtype_of_type(v.type), (_on_diagonal(shape, k),))
        case _:
            raise ShapeError("np.diag needs an array of one or two dimensions")


def _diagflat(v: Value, k: Value) -> Type:
    shape = shape_of_type(v.type)
    side = None if shape is None else _side(total(shape), k)
    dtype = None if isinstance(v.type, Scalar) and v.type.kind == "float" else dtype_of_type(v.type)
    return Array(dtype, (side, side))


def _on_diagonal(shape: Shape, offset: Value) -> Dimension:
    """How many numbers are on a diagonal of a matrix."""
    k = offset.value if isinstance(offset, Constant) else None
    n, m = shape
    if isinstance(n, int) and isinstance(m, int) and isinstance(k, int):
        return max(0, min(n, m - k) if k >= 0 else min(n + k, m))
    return n if k == 0 and n == m else None


def the_two(axis1: Value, axis2: Value, rank: int | None) -> tuple[int, int] | None:
    """The two axes that a diagonal is taken of, counted from the front; None where they are not known."""
    a, b = axis_of(axis1), axis_of(axis2)
    if rank is None or not isinstance(a, int) or not isinstance(b, int):
        return None
    if rank < 2:
        raise ShapeError("a diagonal needs an array of at least two dimensions")
    normal_axes((a, b), rank)
    return a % rank, b % rank


def _others(a: Value, axis1: Value, axis2: Value) -> tuple[Shape, Shape] | None:
    """The dimensions of the two axes, and those of all others."""
    shape = shape_of_type(a.type)
    if shape is None:
        return None
    axes = the_two(axis1, axis2, len(shape))
    if axes is None:
        return (None, None), (None,) * (len(shape) - 2)
    p, q = axes
    return (shape[p], shape[q]), tuple(d for i, d in enumerate(shape) if i not in axes)


def _diagonal(a: Value, offset: Value, axis1: Value, axis2: Value) -> Type:
    found = _others(a, axis1, axis2)
    if found is None:
        return Array(dtype_of_type(a.type), None)
    return Array(dtype_of_type(a.type), (*found[1], _on_diagonal(found[0], offset)))


def _trace(a: Value, offset: Value, axis1: Value, axis2: Value) -> Type:
    found = _others(a, axis1, axis2)
    return UNKNOWN if found is None else array_or_scalar(dtype_of_type(a.type), found[1])


def _triangle(m: Value, k: Value) -> Type:
    shape = shape_of_type(m.type)
    # A vector is taken for the rows of a square matrix.
    return Array(dtype_of_type(m.type), shape * 2 if shape is not None and len(shape) == 1 else shape)


def _tri(n: Value, m: Value, k: Value, dtype: Value) -> Type:
    rows = dimension_of(n)
    columns = rows if isinstance(m, Constant) and m.value is None else dimension_of(m)
    return Array(dtype_operand(dtype, "float64"), (rows, columns))


_PLACES = Array("int64", (None,))


def _pair(*operands: Value) -> Type:
    return Tuple((_PLACES, _PLACES))


def _diag_indices(n: Value, ndim: Value) -> Type:
    places = Array("int64", (dimension_of(n),))
    rank = ndim.value if isinstance(ndim, Constant) else None
    return Tuple((places,) * rank) if isinstance(rank, int) else UNKNOWN


DIAGONALS: dict[str, Primitive] = {
    p.name: p
    for p in (
        of_numbers("np.diag", "v k", _diag, (0,), views=(0,)),
        of_numbers("np.diagflat", "v k", _diagflat, (0,)),
        of_numbers("np.diagonal", "a offset axis1 axis2", _diagonal, (0, 0, 1), views=(0,)),
        of_numbers("np.trace", "a offset axis1 axis2", _trace, (0, 0, 1)),
        of_numbers("np.tril", "m k", _triangle, (0,)),
        of_numbers("np.triu", "m k", _triangle, (0,)),
        of_numbers(
            "np.tri",
            "N M k dtype",
            _tri,
            (None, 0, None),
            lambda n, m, k, t: np.tri(n, m, k, float if t is None else t),
        ),
        of_numbers("np.tril_indices", "n k m", _pair, (0, None)),
        of_numbers("np.triu_indices", "n k m", _pair, (0, None)),
        of_numbers("np.tril_indices_from", "arr k", _pair, (0,)),
        of_numbers("np.triu_indices_from", "arr k", _pair, (0,)),
        of_numbers("np.diag_indices", "n ndim", _diag_indices, (2,)),
    )
}
