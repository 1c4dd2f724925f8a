"""Derivatives of the pseudo-inverse and of least squares, where the rank of the matrix does not change nearby.

G. H. Golub and V. Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
variables separate", theorem 4.3: for p the pseudo-inverse of a,
dp = -p da p + p p^T da^T (1 - a p) + (1 - p a) da^T p^T p
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.primitives.forms import NoRule, Operands, Tangents, constant_of, jvp, plus, vjp
from srcdiff.primitives.rules_decompositions import values_adjoint, values_tangent
from srcdiff.primitives.rules_linalg import item_of
from srcdiff.primitives.rules_products import mT, rank_of
from srcdiff.primitives.symbolic import Symbolic, np


@jvp("np.linalg.pinv", "lstsq_inverse")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    a, da = operands[0], tangents[0]
    if da is None:
        return None
    rows = y @ mT(y) @ mT(da)
    columns = mT(da) @ mT(y) @ y
    return -y @ da @ y + (rows - rows @ a @ y) + (columns - y @ (a @ columns))


@vjp("np.linalg.pinv", "lstsq_inverse")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a = operands[0]
    if not wanted[0]:
        return [None, None]
    rows = mT(by) @ y @ mT(y)
    columns = mT(y) @ y @ mT(by)
    return [-mT(y) @ by @ mT(y) + (rows - a @ (y @ rows)) + (columns - columns @ y @ a), None]


# lstsq: x = p b, so dx = p (db - da x) + p p^T da^T r + (1 - p a) da^T p^T x with the residuals r = b - a x.
# The sums of squared residuals change by 2 r . (db - da x), because r is orthogonal to the columns of a; NumPy gives
# them only if a has more rows than columns, and full rank.


def _parts(y: Symbolic, operands: Operands) -> tuple[Symbolic, Symbolic, Symbolic]:
    """The pseudo-inverse, the solution and the residuals."""
    a, b, rcond = operands
    if rank_of(b) not in (1, 2):
        raise NoRule("the rank of its right-hand side must be known: annotate it")
    x = y[0]
    cutoff = rcond.constant(None) if isinstance(constant_of(rcond), str) else rcond
    return a.apply("lstsq_inverse", a, cutoff), x, b - a @ x


def _outer(u: Symbolic, v: Symbolic) -> Symbolic:
    return u.apply("np.outer", u, v) if rank_of(u) == 1 else u @ v.T


@jvp("np.linalg.lstsq")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, b, _), (da, db, _) = operands, tangents
    if da is None and db is None:
        return None
    p, x, r = _parts(y, operands)
    moved = plus(db, None if da is None else -da @ x)
    assert moved is not None
    dx: Symbolic | None = p @ moved
    if da is not None:
        beside = da.T @ (p.T @ x)
        dx = plus(dx, p @ (p.T @ (da.T @ r)) + (beside - p @ (a @ beside)))
    squares = np.sum(2.0 * r * moved, axis=0, keepdims=rank_of(b) == 1)
    ds = y.apply("zeros_like", y[3]) if da is None else values_tangent(a, da)
    return y.apply("make_tuple", dx, squares[: y[1].shape[0]], 0.0, ds)


@vjp("np.linalg.lstsq")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, b, _ = operands
    p, x, r = _parts(y, operands)
    bx, squares, bs = item_of(by, 0), item_of(by, 1), item_of(by, 3)
    ba: Symbolic | None = None
    bb: Symbolic | None = None
    if bx is not None:
        bb = p.T @ bx
        beside = p @ bb
        lost = bx - a.T @ bb
        ba = _outer(r, beside) - _outer(bb, x) + _outer(p.T @ x, lost)
    if squares is not None:
        # There may be none.
        whole = r.apply("np.zeros", b.shape[1] if rank_of(b) == 2 else 1, r.apply("dtype", r))
        part = whole.apply("index_add", whole, slice(None, y[1].shape[0]), squares)
        back = 2.0 * r * part
        bb = plus(bb, back)
        ba = plus(ba, -_outer(back, x))
    if bs is not None:
        ba = plus(ba, values_adjoint(a, bs))
    return [ba if wanted[0] else None, bb if wanted[1] else None, None]
