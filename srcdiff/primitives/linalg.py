"""Linear algebra: inverses, determinants, systems of equations, least squares.

Out: `LINALG`, name -> primitive. (Decompositions are in `decompositions`.)

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import Array
>>> print(LINALG["np.linalg.det"].infer(Value(Array("float64", (3, 3)))))
float
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import INT, UNKNOWN, Array, Dimension, Named, Type
from srcdiff.primitives.contractions import square
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import (
    Shape,
    ShapeError,
    array_or_scalar,
    broadcast_shapes,
    dtype_of_type,
    float_dtype,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.versions import SOLVES_STACKED_VECTORS


def matrix(name: str, a: Value) -> Shape | None:
    """The shape of a stack of matrices."""
    require_numeric(name, a)
    shape = shape_of_type(a.type)
    if shape is not None and len(shape) < 2:
        raise ShapeError(f"{name} needs a matrix")
    return shape


def floating(*operands: Value) -> str | None:
    """The dtype of what is computed from the operands."""
    return float_dtype(dtype_of_type(operands[0].type) if len(operands) == 1 else promote(operands))


def smaller(a: Dimension, b: Dimension) -> Dimension:
    """The smaller of two dimensions, where it is known."""
    if a == b:
        return a
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else None


def same_square(name: str) -> Any:
    def infer(a: Value, *_: Value) -> Type:
        return Array(floating(a), square(name, a))

    return infer


def _det(a: Value) -> Type:
    shape = square("np.linalg.det", a)
    return UNKNOWN if shape is None else array_or_scalar(floating(a), shape[:-2])


def _slogdet(a: Value) -> Type:
    t = _det(a)
    return Named((t, t), ("sign", "logabsdet"))


def _slogdet_evaluate(a: Any) -> tuple[Any, Any]:
    sign, logdet = np.linalg.slogdet(a)
    return sign, logdet


def is_vector(rank_a: int, rank_b: int) -> bool:
    """Whether `np.linalg.solve` takes b for a vector, or for a stack of vectors: NumPy 1 and 2 differ."""
    return rank_b == rank_a - 1 if SOLVES_STACKED_VECTORS else rank_b == 1


def _solve(a: Value, b: Value) -> Type:
    require_numeric("np.linalg.solve", b)
    p, q = square("np.linalg.solve", a), shape_of_type(b.type)
    dtype = floating(a, b)
    if p is None or q is None:
        return Array(dtype, None)
    if is_vector(len(p), len(q)):
        batch = broadcast_shapes([p[:-2], q[:-1]]) or ()
        return Array(dtype, (*batch, p[-1]))
    if len(q) < 2:
        raise ShapeError("np.linalg.solve needs a vector or a matrix on the right")
    batch = broadcast_shapes([p[:-2], q[:-2]]) or ()
    return Array(dtype, (*batch, p[-1], q[-1]))


def _columns(x: Value, a: Value) -> Type:
    p, q = shape_of_type(x.type), shape_of_type(a.type)
    if p is None or q is None:
        return Array(dtype_of_type(x.type), None)
    return Array(dtype_of_type(x.type), p if len(p) >= len(q) else (*p, 1))


def _change(a: Value, d: Value) -> Type:
    return Array(floating(a, d), broadcast_shapes([square("cofactor_change", a), shape_of_type(d.type)]))


def _pinv(a: Value, rcond: Value) -> Type:
    shape = matrix("np.linalg.pinv", a)
    return Array(floating(a), None if shape is None else (*shape[:-2], shape[-1], shape[-2]))


def _pinv_evaluate(a: Any, rcond: Any) -> Any:
    return np.linalg.pinv(a) if rcond is None else np.linalg.pinv(a, rcond)


def _lstsq(a: Value, b: Value, rcond: Value) -> Type:
    require_numeric("np.linalg.lstsq", b)
    p, q = matrix("np.linalg.lstsq", a), shape_of_type(b.type)
    dtype = floating(a, b)
    known = p is not None and q is not None
    x = (p[1], *q[1:]) if p is not None and q is not None and len(p) == 2 and len(q) in (1, 2) else None
    if known and x is None:
        raise ShapeError("np.linalg.lstsq takes a matrix, and a vector or a matrix")
    values = None if p is None else smaller(p[0], p[1])
    return Named((Array(dtype, x), Array(dtype, (None,)), INT, Array(dtype, (values,))), ())


def _lstsq_evaluate(a: Any, b: Any, rcond: Any) -> tuple[Any, ...]:
    return tuple(np.linalg.lstsq(a, b, None if isinstance(rcond, str) else rcond))


def _lstsq_inverse(a: Value, rcond: Value) -> Type:
    return _pinv(a, rcond)


def _matrix_rank(a: Value, tol: Value) -> Type:
    shape = shape_of_type(a.type)
    if shape is None:
        return UNKNOWN
    return INT if len(shape) <= 2 else Array("int64", shape[:-2])


def _matrix_rank_evaluate(a: Any, tol: Any) -> Any:
    return np.linalg.matrix_rank(a) if tol is None else np.linalg.matrix_rank(a, tol)


def _cond(x: Value, p: Value) -> Type:
    shape = matrix("np.linalg.cond", x)
    if shape is None:
        return UNKNOWN
    return array_or_scalar(floating(x), shape[:-2])


def _diagonal(x: Value, offset: Value) -> Type:
    shape = matrix("np.linalg.diagonal", x)
    plain = isinstance(offset, Constant) and offset.value == 0
    side = None if shape is None or not plain else smaller(shape[-2], shape[-1])
    return Array(dtype_of_type(x.type), None if shape is None else (*shape[:-2], side))


def _trace(x: Value, offset: Value) -> Type:
    shape = matrix("np.linalg.trace", x)
    return UNKNOWN if shape is None else array_or_scalar(dtype_of_type(x.type), shape[:-2])


def _diagonal_evaluate(x: Any, offset: int) -> Any:
    return np.diagonal(x, offset, -2, -1)


def _trace_evaluate(x: Any, offset: int) -> Any:
    return np.trace(x, offset, -2, -1)


LINALG: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.linalg.inv", "a", same_square("np.linalg.inv"), np.linalg.inv),
        primitive("np.linalg.det", "a", _det, np.linalg.det),
        primitive("np.linalg.slogdet", "a", _slogdet, _slogdet_evaluate),
        primitive("np.linalg.solve", "a b", _solve, np.linalg.solve),
        primitive("np.linalg.pinv", "a rcond", _pinv, _pinv_evaluate, defaults=(None,)),
        # NumPy 1 warns where `rcond` is not given: so it is printed where it is.
        primitive("np.linalg.lstsq", "a b rcond", _lstsq, _lstsq_evaluate, defaults=("warn",)),
        primitive("np.linalg.matrix_rank", "A tol", _matrix_rank, _matrix_rank_evaluate, defaults=(None,)),
        primitive("np.linalg.cond", "x p", _cond, np.linalg.cond, defaults=(None,)),
        # In NumPy 2 these are of the last two axes; `np.trace` and `np.diagonal` are of the first two.
        primitive("np.linalg.diagonal", "x offset", _diagonal, _diagonal_evaluate, defaults=(0,), views=(0,)),
        primitive("np.linalg.trace", "x offset", _trace, _trace_evaluate, defaults=(0,)),
        primitive("as_columns", "x a", _columns, helper("as_columns"), views=(0,)),
        primitive("cofactors", "a", same_square("cofactors"), helper("cofactors")),
        primitive("cofactor_change", "a d", _change, helper("cofactor_change")),
        primitive("lstsq_inverse", "a rcond", _lstsq_inverse, helper("lstsq_inverse")),
    )
}
