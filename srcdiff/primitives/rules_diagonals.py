"""Derivatives of diagonals and triangles: the adjoint is laid on a diagonal of zeros, or cut to the triangle."""

from __future__ import annotations

from srcdiff.ir.types import is_exact
from srcdiff.primitives.diagonals import the_two
from srcdiff.primitives.forms import NoRule, Transpose, constant_of, linear, non_differentiable, zeros_of
from srcdiff.primitives.inference import Shape, rank_of_type, shape_of_type
from srcdiff.primitives.rules_shapes import back
from srcdiff.primitives.symbolic import Symbolic

non_differentiable(
    (
        *("np.tri", "np.tril_indices", "np.triu_indices", "np.diag_indices"),
        *("np.tril_indices_from", "np.triu_indices_from"),
    )
)


def places_on_diagonal(count: object, k: Symbolic) -> tuple[Symbolic, Symbolic]:
    """The row and the column numbers of the first `count` places on diagonal number k."""
    i = k.apply("np.arange", count)
    known = constant_of(k)
    if isinstance(known, int):
        return (i - known if known < 0 else i), (i + known if known > 0 else i)
    return i - k.apply("min", k, 0), i + k.apply("max", k, 0)


def _is_square(shape: Shape | None) -> bool:
    return shape is not None and len(shape) == 2 and shape[0] == shape[1] and is_exact(shape)


def _axes(x: Symbolic, axis1: Symbolic, axis2: Symbolic) -> tuple[int, int]:
    """The two axes: those that are given where the rank is not known but they count from the same end."""
    found = the_two(axis1.value, axis2.value, rank_of_type(x.type))
    if found is not None:
        return found
    p, q = constant_of(axis1), constant_of(axis2)
    if isinstance(p, int) and isinstance(q, int) and (p < 0) == (q < 0):
        return p, q
    raise NoRule("the two axes of a diagonal must be known: annotate the array")


def _diagonal_back(
    by: Symbolic, y: Symbolic, x: Symbolic, offset: Symbolic, axis1: Symbolic, axis2: Symbolic
) -> Symbolic:
    shape, axes = shape_of_type(x.type), _axes(x, axis1, axis2)
    if _is_square(shape) and constant_of(offset) == 0:
        return by.apply("np.diag", by)
    flat = shape is not None and len(shape) == 2
    return _laid(by, x, axes, places_on_diagonal(by.apply("len", by) if flat else by.shape[-1], offset))


def _laid(
    by: Symbolic, x: Symbolic, axes: tuple[int, int], places: tuple[Symbolic, Symbolic], single: bool = False
) -> Symbolic:
    """Zeros in the shape of `x` with `by` on a diagonal, along which its last axis goes; where it is `single`, `by` has
    no such axis and stands at every place."""
    shape = shape_of_type(x.type)
    if shape is not None and len(shape) == 2:
        index = places if axes[0] < axes[1] else places[::-1]
        return by.apply("index_set", zeros_of(x), index, by)
    if axes == (0, 1):
        return by.apply("index_set", zeros_of(x), places, by if single else by.apply("np.moveaxis", by, -1, 0))
    last = by.apply("np.expand_dims", by, -1) if single else by
    if axes == (-2, -1) or (shape is not None and axes == (len(shape) - 2, len(shape) - 1)):
        return by.apply("index_set", zeros_of(x), (..., *places), last)
    moved = by.apply("np.moveaxis", zeros_of(x), axes, (-2, -1))
    return by.apply("np.moveaxis", by.apply("index_set", moved, (..., *places), last), (-2, -1), axes)


def _trace_back(by: Symbolic, y: Symbolic, x: Symbolic, offset: Symbolic, axis1: Symbolic, axis2: Symbolic) -> Symbolic:
    shape, (p, q) = shape_of_type(x.type), _axes(x, axis1, axis2)
    if shape is not None and len(shape) == 2:
        columns = x.constant(None) if _is_square(shape) else x.shape[q]
        eye = by.apply("np.eye", x.shape[p], columns, offset)
        return by * (eye if p < q else eye.T)
    k = constant_of(offset)
    if not isinstance(k, int):
        raise NoRule("the offset of the diagonal must be a constant, or the array a matrix")
    rows, columns = x.shape[p], x.shape[q]
    if k > 0:
        columns = columns - k
    elif k < 0:
        rows = rows + k
    return _laid(by, x, (p, q), places_on_diagonal(by.apply("min", rows, columns), offset), single=True)


def _diag_back(by: Symbolic, y: Symbolic, x: Symbolic, k: Symbolic) -> Symbolic:
    rank = rank_of_type(x.type)
    if rank is None:
        raise NoRule("the rank of its operand must be known (it makes a matrix or takes a diagonal): annotate it")
    if rank == 1:
        return by.apply("np.diag", by, k)
    return _diagonal_back(by, y, x, k, by.constant(0), by.constant(1))


def _triangle_back(name: str) -> Transpose:
    def transpose(by: Symbolic, y: Symbolic, x: Symbolic, k: Symbolic) -> Symbolic:
        part = by.apply(name, by, k)
        rank = rank_of_type(x.type)
        if rank is None:
            return by.apply("unbroadcast", part, x)
        return part.sum(axis=0) if rank == 1 else part

    return transpose


linear("np.diag", {0: _diag_back})
linear("np.diagflat", {0: lambda by, y, x, k: back(by.apply("np.diag", by, k), x)})
linear("np.diagonal", {0: _diagonal_back})
linear("np.trace", {0: _trace_back})
linear("np.tril", {0: _triangle_back("np.tril")})
linear("np.triu", {0: _triangle_back("np.triu")})
