"""Derivatives of matrix products, dot, outer, inner, einsum.

With d(a @ b) = da @ b + a @ db, the adjoints are ba = by @ b^T and bb = a^T @ by (Giles 2008, section 2.2.1); vectors
and stacks of matrices are the same after the axes that NumPy adds or broadcasts are put in and summed out again.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Scalar
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    bilinear,
    fit,
    jvp,
    plus,
    vjp,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.symbolic import Symbolic, np


def rank_of(x: Symbolic) -> int | None:
    shape = shape_of_type(x.type)
    return None if shape is None else len(shape)


def mT(x: Symbolic) -> Symbolic:
    """The transposed matrix, or stack of matrices."""
    return x.T if rank_of(x) == 2 else x.apply("np.swapaxes", x, -1, -2)


def matmul_left(by: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
    """The adjoint of a in a @ b."""
    match rank_of(a), rank_of(b):
        case 1, 1:
            return by * b
        case 2, 1:
            return by.apply("np.outer", by, b)
        case 1, 2:
            return b @ by
        case 2, 2:
            return by @ b.T
        case (None, _) | (_, None):
            return by.apply("matmul_left", by, a, b)
        case 1, _:
            return fit(np.sum(by[..., None, :] * b, axis=-1), a)
        case _, 1:
            return fit(by[..., None] * b, a)
        case _:
            return fit(by @ mT(b), a)


def matmul_right(by: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
    """The adjoint of b in a @ b."""
    match rank_of(a), rank_of(b):
        case 1, 1:
            return by * a
        case 2, 1:
            return a.T @ by
        case 1, 2:
            return by.apply("np.outer", a, by)
        case 2, 2:
            return a.T @ by
        case (None, _) | (_, None):
            return by.apply("matmul_right", by, a, b)
        case 1, _:
            return fit(by[..., None, :] * a[:, None], b)
        case _, 1:
            return fit(by[..., None] * a, b)
        case _:
            return fit(mT(a) @ by, b)


bilinear("matmul", matmul_left, matmul_right)


def dot_left(by: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
    if 0 in (rank_of(a), rank_of(b)):
        return fit(by * b, a, isinstance(b.type, Scalar))
    p, q = _ranks(a, b)
    if p < 3 and q < 3:
        return matmul_left(by, a, b)
    axes = tuple(range(p - 1, p + q - 2)), (*range(q - 2), q - 1)
    return by.apply("np.tensordot", by, b, axes if q > 1 else 0)


def dot_right(by: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
    if 0 in (rank_of(a), rank_of(b)):
        return fit(by * a, b, isinstance(a.type, Scalar))
    p, q = _ranks(a, b)
    if p < 3 and q < 3:
        return matmul_right(by, a, b)
    made = by.apply("np.tensordot", a, by, (tuple(range(p - 1)), tuple(range(p - 1))))
    return made if q < 3 else by.apply("np.moveaxis", made, 0, -2)


def _ranks(a: Symbolic, b: Symbolic) -> tuple[int, int]:
    p, q = rank_of(a), rank_of(b)
    if p is None or q is None:
        raise NoRule("the ranks of its operands must be known: annotate them, or write @")
    return p, q


bilinear("np.dot", dot_left, dot_right)

# <g, matmul_left(by, a, b)> = <g @ b, by>, and it does not depend on the values of a. So with g the adjoint:


@jvp("matmul_left")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (g, a, b), (dg, _, db) = operands, tangents
    return plus(
        None if dg is None else matmul_left(dg, a, b),
        None if db is None else matmul_left(g, a, db),
    )


@vjp("matmul_left")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    g, _a, b = operands
    return [by @ b if wanted[0] else None, None, matmul_right(g, by, b) if wanted[2] else None]


@jvp("matmul_right")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (g, a, b), (dg, da, _) = operands, tangents
    return plus(
        None if dg is None else matmul_right(dg, a, b),
        None if da is None else matmul_right(g, da, b),
    )


@vjp("matmul_right")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    g, a, _b = operands
    return [a @ by if wanted[0] else None, matmul_left(g, a, by) if wanted[1] else None, None]


def _flat(x: Symbolic) -> Symbolic:
    return x if rank_of(x) == 1 else x.apply("np.ravel", x)


def _shaped(g: Symbolic, x: Symbolic) -> Symbolic:
    return g if rank_of(x) == 1 else g.apply("np.reshape", g, x.shape)


bilinear(
    "np.outer",
    lambda by, a, b: _shaped(by @ _flat(b), a),
    lambda by, a, b: _shaped(by.T @ _flat(a), b),
)


def _vdot_side(by: Symbolic, x: Symbolic, other: Symbolic) -> Symbolic:
    if isinstance(x.type, Scalar):
        return fit(by * other, x)
    return by * (other if rank_of(x) == rank_of(other) == 1 else other.apply("np.reshape", other, x.shape))


bilinear("np.vdot", lambda by, a, b: _vdot_side(by, a, b), lambda by, a, b: _vdot_side(by, b, a))


def _inner_left(by: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
    p, q = _ranks(a, b)
    match p, q:
        case (0, _) | (_, 0):
            return fit(by * b, a, isinstance(b.type, Scalar))
        case 1, 1:
            return by * b
        case ((1 | 2), 2):
            return by @ b
        case 2, 1:
            return by.apply("np.outer", by, b)
        case _:
            return by.apply("np.tensordot", by, b, q - 1)


def _inner_right(by: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
    p, q = _ranks(a, b)
    match p, q:
        case (0, _) | (_, 0):
            return fit(by * a, b, isinstance(a.type, Scalar))
        case 1, 1:
            return by * a
        case 2, 2:
            return by.T @ a
        case 2, 1:
            return by @ a
        case 1, 2:
            return by.apply("np.outer", by, a)
        case _:
            return by.apply("np.tensordot", by, a, (tuple(range(p - 1)), tuple(range(p - 1))))


bilinear("np.inner", _inner_left, _inner_right)
