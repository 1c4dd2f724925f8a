"""Derivatives of linear algebra, from M. B. Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", 2008."""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.primitives.forms import Operands, Tangents, fit, jvp, vjp
from srcdiff.primitives.rules_products import matmul_left, mT, rank_of
from srcdiff.primitives.symbolic import Symbolic, np


@jvp("np.linalg.inv")  # y = a^-1   =>   dy = -y da y          (Giles 2008, section 2.2.3)
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (da,) = tangents
    return None if da is None else -y @ da @ y


@vjp("np.linalg.inv")  # ba = -y^T by y^T
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [-mT(y) @ by @ mT(y) if wanted[0] else None]


@jvp("np.linalg.solve")  # a y = b   =>   a dy = db - da y          (Giles 2008, section 2.3.1)
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, _), (da, db) = operands, tangents
    if da is None:
        return None if db is None else np.linalg.solve(a, db)
    return y.apply("np.linalg.solve", a, -da @ y if db is None else db - da @ y)


@vjp("np.linalg.solve")  # bb = a^-T by ;  ba = -bb y^T
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, b = operands
    bb = np.linalg.solve(mT(a), by)
    return [-matmul_left(bb, a, y) if wanted[0] else None, fit(bb, b) if wanted[1] else None]


def _over_matrix(b: Symbolic, a: Symbolic) -> Symbolic:
    """A number for each matrix, made to multiply that matrix."""
    return b if rank_of(a) == 2 else b.apply("np.expand_dims", b, (-2, -1))


@jvp("np.linalg.det")  # dy = y tr(a^-1 da)          (Giles 2008, section 2.2.4)
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a,), (da,) = operands, tangents
    return None if da is None else y * np.sum(mT(np.linalg.inv(a)) * da, axis=(-2, -1))


@vjp("np.linalg.det")  # ba = by y a^-T
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    (a,) = operands
    return [_over_matrix(by * y, a) * mT(np.linalg.inv(a)) if wanted[0] else None]


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
    return [_over_matrix(by[1], a) * mT(np.linalg.inv(a)) if wanted[0] else None]


def _half_diagonal(x: Symbolic) -> Symbolic:
    """The lower triangle of x with its diagonal halved."""
    return x.apply("np.tril", x) * (1.0 - 0.5 * x.apply("np.eye", x.shape[-1]))


# NumPy reads the lower triangle of the matrix alone, so the derivative with respect to the upper one is zero.


@jvp("np.linalg.cholesky")  # a = y y^T   =>   dy = y phi(y^-1 da y^-T)          (Murray 2016, section 3)
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (da,) = tangents
    if da is None:
        return None
    lower = np.tril(da)
    symmetric = lower + mT(np.tril(da, -1))
    half = np.linalg.solve(y, mT(np.linalg.solve(y, symmetric)))
    return y @ _half_diagonal(half)


@vjp(
    "np.linalg.cholesky"
)  # s = y^-T phi(y^T by) y^-1 ;  the adjoint of the lower triangle is that of s + s^T, diagonal once
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    if not wanted[0]:
        return [None]
    inner = _half_diagonal(mT(y) @ by)
    s = mT(np.linalg.solve(mT(y), mT(np.linalg.solve(mT(y), inner))))
    return [_half_diagonal(s + mT(s))]
