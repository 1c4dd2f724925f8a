"""Products over chosen axes: tensordot, kron, cross, vecdot and its kin, multi_dot, powers of matrices.

Out: `CONTRACTIONS`, name -> primitive.

>>> from srcdiff.ir.core import constant
>>> from srcdiff.ir.types import Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> print(CONTRACTIONS["np.tensordot"].infer(x, x, constant(0)))
float64[n, 3, n, 3]
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import UNKNOWN, Array, Dimension, Scalar, Tuple, Type
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import (
    InferenceError,
    Shape,
    ShapeError,
    array_or_scalar,
    broadcast_dimension,
    broadcast_shapes,
    dtype_of_type,
    elementwise_type,
    float_dtype,
    item_dimension,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, normal_axes
from srcdiff.primitives.operators import matmul_shape, product_type
from srcdiff.primitives.versions import CROSSES_PAIRS


def axes_of(axes: Value, rank_a: int, rank_b: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The axes of either operand that `np.tensordot` contracts, in pairs; None where they are chosen at run time."""
    if isinstance(axes, Constant) and isinstance(axes.value, int):
        count = axes.value
        if not 0 <= count <= min(rank_a, rank_b):
            raise ShapeError(f"np.tensordot cannot contract {count} axes of arrays of {rank_a} and {rank_b} dimensions")
        return tuple(range(rank_a - count, rank_a)), tuple(range(count))
    if not isinstance(axes.type, Tuple) or len(axes.type.items) != 2:
        return None
    found: list[tuple[int, ...]] = []
    for t, rank in zip(axes.type.items, (rank_a, rank_b), strict=True):
        items = t.items if isinstance(t, Tuple) else (t,)
        numbers = [item_dimension(i) for i in items]
        if not all(isinstance(n, int) for n in numbers):
            return None
        chosen = tuple(n for n in numbers if isinstance(n, int))
        normal_axes(chosen, rank)
        found.append(tuple(n % rank for n in chosen))
    if len(found[0]) != len(found[1]):
        raise ShapeError("np.tensordot contracts as many axes of one operand as of the other")
    return found[0], found[1]


def _tensordot(a: Value, b: Value, axes: Value) -> Type:
    require_numeric("np.tensordot", a, b)
    p, q = shape_of_type(a.type), shape_of_type(b.type)
    pairs = None if p is None or q is None else axes_of(axes, len(p), len(q))
    if p is None or q is None or pairs is None:
        return Array(promote((a, b)), None)
    for i, j in zip(*pairs, strict=True):
        if isinstance(p[i], int) and isinstance(q[j], int) and p[i] != q[j]:
            raise ShapeError(f"np.tensordot of axes of {p[i]} and {q[j]}")
    left = tuple(d for i, d in enumerate(p) if i not in pairs[0])
    right = tuple(d for j, d in enumerate(q) if j not in pairs[1])
    return Array(promote((a, b)), (*left, *right))


def _times(a: Dimension, b: Dimension) -> Dimension:
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return b if a == 1 else a if b == 1 else None


def _kron(a: Value, b: Value) -> Type:
    require_numeric("np.kron", a, b)
    p, q = shape_of_type(a.type), shape_of_type(b.type)
    if p is None or q is None:
        return UNKNOWN
    rank = max(len(p), len(q))
    p, q = (1,) * (rank - len(p)) + p, (1,) * (rank - len(q)) + q
    if rank == 0:
        return elementwise_type("same", a, b)
    return Array(promote((a, b)), tuple(map(_times, p, q)))


def cross_axes(axisa: Value, axisb: Value, axisc: Value, axis: Value) -> tuple[int, int, int] | None:
    """The axes of the vectors in the operands and in the result of `np.cross`."""
    one = axis_of(axis)
    found = (one, one, one) if one is not None else tuple(axis_of(v) for v in (axisa, axisb, axisc))
    numbers = tuple(n for n in found if isinstance(n, int))
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def vector_lengths(a: Value, b: Value, axes: tuple[int, int, int]) -> tuple[Dimension, Dimension]:
    """The lengths of the vectors that `np.cross` multiplies: 3, 2 where NumPy takes those, or unknown."""
    found: list[Dimension] = []
    for x, axis in ((a, axes[0]), (b, axes[1])):
        shape = shape_of_type(x.type)
        if shape is None:
            found.append(None)
            continue
        (position,) = normal_axes(axis, len(shape)) or (0,)
        length = shape[position]
        if isinstance(length, int) and length not in ((2, 3) if CROSSES_PAIRS else (3,)):
            raise ShapeError(f"np.cross of vectors of length {length}")
        found.append(length if isinstance(length, int) else None)
    return found[0], found[1]


def _cross(a: Value, b: Value, axisa: Value, axisb: Value, axisc: Value, axis: Value) -> Type:
    require_numeric("np.cross", a, b)
    dtype = promote((a, b))
    axes, p, q = cross_axes(axisa, axisb, axisc, axis), shape_of_type(a.type), shape_of_type(b.type)
    if axes is None or p is None or q is None:
        return Array(dtype, None)
    lengths = vector_lengths(a, b, axes)
    batch = broadcast_shapes([_without(p, axes[0]), _without(q, axes[1])]) or ()
    if lengths == (2, 2):
        return Array(dtype, batch)
    if 3 not in lengths:
        return Array(dtype, None)
    at = axes[2] % (len(batch) + 1)
    return Array(dtype, (*batch[:at], 3, *batch[at:]))


def _without(shape: Shape, axis: int) -> Shape:
    at = axis % len(shape)
    return (*shape[:at], *shape[at + 1 :])


def _cross_evaluate(a: Any, b: Any, *axes: Any) -> Any:
    with warnings.catch_warnings():
        # NumPy 2 wants vectors of two components to go out of use.
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.cross(a, b, *axes)


def _cross_adjoint(g: Value, a: Value, b: Value, axis: Value) -> Type:
    return Array(None, shape_of_type(a.type))


def _vecdot(x1: Value, x2: Value, axis: Value) -> Type:
    require_numeric("np.vecdot", x1, x2)
    p, q, at = shape_of_type(x1.type), shape_of_type(x2.type), axis_of(axis)
    if p is None or q is None or at is UNKNOWN_AXIS:
        return UNKNOWN
    if not isinstance(at, int):
        raise InferenceError("np.vecdot: an axis is an integer")
    for shape in (p, q):
        normal_axes(at, len(shape))
    broadcast_dimension(p[at], q[at])
    return array_or_scalar(promote((x1, x2)), broadcast_shapes([_without(p, at), _without(q, at)]))


def _vecdot_evaluate(x1: Any, x2: Any, axis: Any) -> Any:
    return np.sum(np.moveaxis(x1, axis, -1) * np.moveaxis(x2, axis, -1), axis=-1)


def _matvec(x1: Value, x2: Value) -> Type:
    require_numeric("np.matvec", x1, x2)
    p, q = shape_of_type(x1.type), shape_of_type(x2.type)
    if p is None or q is None:
        return Array(promote((x1, x2)), None)
    if len(p) < 2 or not q:
        raise ShapeError("np.matvec needs a matrix and a vector")
    return Array(promote((x1, x2)), matmul_shape(p, (*q, 1))[:-1])


def _vecmat(x1: Value, x2: Value) -> Type:
    require_numeric("np.vecmat", x1, x2)
    p, q = shape_of_type(x1.type), shape_of_type(x2.type)
    if p is None or q is None:
        return Array(promote((x1, x2)), None)
    if len(q) < 2 or not p:
        raise ShapeError("np.vecmat needs a vector and a matrix")
    shape = matmul_shape((*p[:-1], 1, p[-1]), q)
    return Array(promote((x1, x2)), (*shape[:-2], shape[-1]))


def _matvec_evaluate(x1: Any, x2: Any) -> Any:
    return (x1 @ x2[..., None])[..., 0]


def _vecmat_evaluate(x1: Any, x2: Any) -> Any:
    return (x1[..., None, :] @ x2)[..., 0, :]


def _multi_dot(*arrays: Value) -> Type:
    if len(arrays) < 2:
        raise InferenceError("np.linalg.multi_dot needs two matrices at least")
    total = arrays[0]
    for factor in arrays[1:]:
        require_numeric("np.linalg.multi_dot", factor)
        total = Value(product_type("np.linalg.multi_dot", total, factor))
    return total.type


def _multi_dot_evaluate(*arrays: Any) -> Any:
    y = np.linalg.multi_dot(arrays)
    return y if np.ndim(y) else np.asarray(y)[()]


def square(name: str, a: Value) -> Shape | None:
    """The shape of a stack of square matrices."""
    require_numeric(name, a)
    shape = shape_of_type(a.type)
    if shape is None:
        return None
    if len(shape) < 2:
        raise ShapeError(f"{name} needs a square matrix")
    side = broadcast_dimension(shape[-2], shape[-1])
    return (*shape[:-2], side, side)


def _matrix_power(a: Value, n: Value) -> Type:
    if (not isinstance(n.type, Scalar) or n.type.kind != "int") and n.type != UNKNOWN:
        raise InferenceError("the exponent of np.linalg.matrix_power is an integer")
    dtype = dtype_of_type(a.type)
    negative = not isinstance(n, Constant) or n.value < 0
    return Array(float_dtype(dtype) if negative else dtype, square("np.linalg.matrix_power", a))


def _power_change(a: Value, n: Value, d: Value) -> Type:
    return Array(float_dtype(promote((a, d))), square("np.linalg.matrix_power", a))


CONTRACTIONS: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.tensordot", "a b axes", _tensordot, np.tensordot, defaults=(2,)),
        primitive("np.kron", "a b", _kron, np.kron),
        primitive("np.cross", "a b axisa axisb axisc axis", _cross, _cross_evaluate, defaults=(-1, -1, -1, None)),
        primitive("cross_adjoint", "g a b axis", _cross_adjoint, helper("cross_adjoint"), defaults=(-1,)),
        primitive("np.vecdot", "x1 x2 axis", _vecdot, _vecdot_evaluate, defaults=(-1,)),
        primitive("np.matvec", "x1 x2", _matvec, _matvec_evaluate),
        primitive("np.vecmat", "x1 x2", _vecmat, _vecmat_evaluate),
        primitive("np.linalg.multi_dot", "arrays", _multi_dot, _multi_dot_evaluate, variadic=True),
        primitive("np.linalg.matrix_power", "a n", _matrix_power, np.linalg.matrix_power, views=(0,)),
        primitive("matrix_power_change", "a n d", _power_change, helper("matrix_power_change")),
    )
}

NUMPY_LINALG_ALIASES = {
    "outer": "np.outer",
    "matmul": "matmul",
    "tensordot": "np.tensordot",
    "vecdot": "np.vecdot",
    "cross": "np.cross",
}
"""Functions of `numpy.linalg` that are those of `numpy`."""
