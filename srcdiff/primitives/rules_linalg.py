"""Derivatives of inverses, determinants and systems of equations.

From M. B. Giles 2008, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation".
A determinant is a polynomial, so it has derivatives at singular matrices as well: they are minors, which are taken from
a singular value decomposition where the inverse is not exact enough (`cofactors`). The logarithm of a determinant has
none there, and NumPy raises LinAlgError for the inverse.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.core import Apply, Constant, Primitive, Value
from srcdiff.ir.types import Array, Scalar, Tuple
from srcdiff.primitives.forms import NoRule, Operands, Tangents, constant_of, fit, jvp, linear, non_differentiable, vjp
from srcdiff.primitives.rules_products import matmul_left, mT, rank_of
from srcdiff.primitives.symbolic import Symbolic, np

non_differentiable(["np.linalg.matrix_rank"])


def item_of(by: Symbolic, index: int) -> Symbolic | None:
    """An item of the adjoint of a tuple; None where it is zero because nothing reads that item of the tuple.

    (Not every zero is one of these: where an eigenvector's adjoint happens to vanish, its factor may be infinite.)
    """
    made = {s.result: s for s in by.builder.statements if isinstance(s, Apply)}

    def whole(v: Value) -> Value | None:
        """The value, without what is zero in a sum."""
        if isinstance(v, Constant):
            return None if v.value == 0.0 else v
        match made.get(v):
            case Apply(Primitive(name="zeros_like")):
                return None
            case Apply(Primitive(name="accumulate"), (a, b)):
                left, right = whole(a), whole(b)
                return v if left is not None and right is not None else right if left is None else left
            case Apply(Primitive(name="index_get"), (t, Constant(value=int(at)))):
                found = item(t, at)
                return v if found is t else found
            case _:
                return v

    def item(t: Value, at: int) -> Value | None:
        """An item of a tuple; the tuple itself where it is not known what the item is."""
        if not isinstance(t.type, Tuple):
            return t
        count = len(t.type.items)
        match made.get(t):
            case Apply(Primitive(name="zeros_like")):
                return None
            case Apply(Primitive(name="make_tuple"), operands):
                return whole(operands[at])
            case Apply(Primitive(name="index_add"), (before, Constant(value=int(place)), added)):
                found = item(before, at)
                if place % count != at % count:
                    return t if found is before else found
                return whole(added) if found is None else t
            case Apply(Primitive(name="accumulate"), (a, b)):
                left, right = item(a, at), item(b, at)
                if left is None or right is None:
                    found, source = (right, b) if left is None else (left, a)
                    return t if found is source else found
                return t
            case _:
                return t

    found = item(by.value, index)
    return None if found is None else by[index] if found is by.value else by.new(found)


def rows(w: Symbolic, a: Symbolic) -> Symbolic:
    """A vector for each matrix, made to multiply the columns of that matrix."""
    return w if rank_of(a) == 2 else w[..., None, :]


@jvp("np.linalg.inv")  # y = a^-1   =>   dy = -y da y          (Giles 2008, section 2.2.3)
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (da,) = tangents
    return None if da is None else -y @ da @ y


@vjp("np.linalg.inv")  # ba = -y^T by y^T
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [-mT(y) @ by @ mT(y) if wanted[0] else None]


# Systems of equations: a y = b   =>   a dy = db - da y          (Giles 2008, section 2.3.1)
# bb = a^-T by ;  ba = -bb y^T
# The solution has an axis less than the matrix where b is a vector: it is then a matrix of one column.


def _columns(x: Symbolic, y: Symbolic, a: Symbolic) -> Symbolic:
    """Something of the shape of the solution y, as matrices."""
    p, q = rank_of(y), rank_of(a)
    if p is None or q is None:
        return x.apply("as_columns", x, a)
    return x[..., None] if p < q else x


def _uncolumns(x: Symbolic, y: Symbolic, a: Symbolic) -> Symbolic:
    p, q = rank_of(y), rank_of(a)
    if p is None or q is None:
        return x.apply("np.reshape", x, y.shape)
    return x[..., 0] if p < q else x


def _one_vector(y: Symbolic, a: Symbolic) -> bool:
    """Whether there is one matrix, and one vector that it is multiplied with."""
    return rank_of(a) == 2 and rank_of(y) == 1


@jvp("np.linalg.solve")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, _), (da, db) = operands, tangents
    if da is None:
        return None if db is None else np.linalg.solve(a, db)
    if _one_vector(y, a):
        return y.apply("np.linalg.solve", a, -da @ y if db is None else db - da @ y)
    moved = da @ _columns(y, y, a)
    right = -moved if db is None else _columns(db - _uncolumns(moved, y, a), y, a)
    return _uncolumns(y.apply("np.linalg.solve", a, right), y, a)


@vjp("np.linalg.solve")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, b = operands
    if _one_vector(y, a):
        bb = np.linalg.solve(mT(a), by)
        return [-matmul_left(bb, a, y) if wanted[0] else None, fit(bb, b) if wanted[1] else None]
    bb = np.linalg.solve(mT(a), _columns(by, y, a))
    return [
        fit(-bb @ mT(_columns(y, y, a)), a) if wanted[0] else None,
        fit(_uncolumns(bb, y, a), b) if wanted[1] else None,
    ]


linear("as_columns", {0: lambda by, y, x, a: by.apply("np.reshape", by, x.shape)})


# Sums along a diagonal of the last two axes, and the diagonal.


def _offset(offset: Symbolic) -> int:
    k = constant_of(offset)
    if not isinstance(k, int):
        raise NoRule("the offset must be an integer written in the call")
    return k


def _trace_transpose(by: Symbolic, y: Symbolic, x: Symbolic, offset: Symbolic) -> Symbolic:
    known = isinstance(x.type, Array) and x.type.dtype == "float64"
    dtype = None if known else x.apply("dtype", x)
    return _over_matrix(by, x) * x.apply("np.eye", x.shape[-2], x.shape[-1], _offset(offset), dtype)


def _diagonal_transpose(by: Symbolic, y: Symbolic, x: Symbolic, offset: Symbolic) -> Symbolic:
    k = _offset(offset)
    i = by.apply("np.arange", by.shape[-1])
    place = (..., i if k >= 0 else i - k, i + k if k > 0 else i)
    return by.apply("index_add", x.apply("zeros_like", x), place, by)


linear("np.linalg.trace", {0: _trace_transpose})
linear("np.linalg.diagonal", {0: _diagonal_transpose})


# Determinants.


def _over_matrix(b: Symbolic, a: Symbolic) -> Symbolic:
    """A number for each matrix, made to multiply that matrix."""
    if rank_of(a) == 2 or isinstance(b.type, Scalar):
        return b
    return b.apply("np.expand_dims", b, (-2, -1))


@jvp("np.linalg.det")  # the derivative is the matrix of cofactors (Giles 2008, section 2.2.4: det(a) a^-T)
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a,), (da,) = operands, tangents
    return None if da is None else np.sum(a.apply("cofactors", a) * da, axis=(-2, -1))


@vjp("np.linalg.det")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    (a,) = operands
    return [_over_matrix(by, a) * a.apply("cofactors", a) if wanted[0] else None]


# The second derivative of a determinant is symmetric in its two directions: d cofactors is its own transpose.


@jvp("cofactors")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a,), (da,) = operands, tangents
    return None if da is None else y.apply("cofactor_change", a, da)


@vjp("cofactors")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    (a,) = operands
    return [by.apply("cofactor_change", a, by) if wanted[0] else None]


def _third(a: Symbolic, d: Symbolic, e: Symbolic) -> Symbolic:
    """The derivative along e of ``cofactor_change(a, d) = tr(i d) c - c d^T i^T``, where c are the cofactors and i the
    inverse of a: from here on the matrix must be regular."""
    c, i = a.apply("cofactors", a), np.linalg.inv(a)
    dc = a.apply("cofactor_change", a, e)
    trace = _over_matrix(np.sum(mT(i) * d, axis=(-2, -1)), a)
    dtrace = _over_matrix(np.sum(mT(i @ e @ i) * d, axis=(-2, -1)), a)
    return trace * dc - dtrace * c - dc @ mT(i @ d) + c @ mT(i @ e @ i @ d)


@jvp("cofactor_change")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, d), (da, dd) = operands, tangents
    changed = None if dd is None else y.apply("cofactor_change", a, dd)
    if da is None:
        return changed
    return _third(a, d, da) if changed is None else changed + _third(a, d, da)


@vjp("cofactor_change")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, d = operands
    return [
        _third(a, d, by) if wanted[0] else None,
        by.apply("cofactor_change", a, by) if wanted[1] else None,
    ]


@jvp("np.linalg.slogdet")  # log|det a| has the derivative of det divided by det; the sign is constant
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a,), (da,) = operands, tangents
    if da is None:
        return None
    dlog = np.sum(mT(np.linalg.inv(a)) * da, axis=(-2, -1))
    return y.apply("make_tuple", y.apply("zeros_like", y[0]), dlog)


@vjp("np.linalg.slogdet")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    (a,) = operands
    b = item_of(by, 1)
    return [_over_matrix(b, a) * mT(np.linalg.inv(a)) if wanted[0] and b is not None else None]


# The condition number in the Euclidean norm: a quotient of singular values, s[0] / s[-1]. The derivative of a singular
# value is the product of its vectors (Giles 2008, section 3.2).


def _cond_slope(y: Symbolic, x: Symbolic, p: Symbolic) -> Symbolic:
    if constant_of(p) not in (None, 2, -2):
        raise NoRule("only the condition number in the 2-norm has a rule: write norms of the matrix and its inverse")
    made = x.apply("np.linalg.svd", x, False, True)
    u, s, vh = made[0], made[1], made[2]
    first, last = (0, -1) if constant_of(p) != -2 else (-1, 0)
    above, below = (_over_matrix(v, x) for v in (y, s[..., last]))
    ends = {0: u[..., :, :1] @ vh[..., :1, :], -1: u[..., :, -1:] @ vh[..., -1:, :]}
    return (ends[first] - above * ends[last]) / below


@jvp("np.linalg.cond")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (x, p), (dx, _) = operands, tangents
    return None if dx is None else np.sum(_cond_slope(y, x, p) * dx, axis=(-2, -1))


@vjp("np.linalg.cond")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, p = operands
    return [_over_matrix(by, x) * _cond_slope(y, x, p) if wanted[0] else None, None]
