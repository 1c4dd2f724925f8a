"""Derivatives of decompositions.

Cholesky: I. Murray 2016, "Differentiation of the Cholesky decomposition". Eigenvalues and singular values: M. B. Giles
2008, "Collected matrix derivative results", section 3; the factors of rectangular matrices: J. Townsend 2016,
"Differentiating the singular value decomposition". QR: S. F. Walter and L. Lehmann 2010, "Algorithmic differentiation
of linear algebra functions with application in optimum experimental design", and for wide matrices D. A. O. Roberts and
L. R. Roberts 2020, "QR and LQ decomposition matrix backpropagation algorithms".

Of a symmetric matrix NumPy reads one triangle: derivatives with respect to the other are zero. Vectors that belong to
equal eigenvalues or equal singular values have no derivative, and it is not finite (`inverse_gaps`); the values alone
need no vectors' derivatives, so their sum has the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srcdiff.ir.types import Dimension, is_exact
from srcdiff.primitives.decompositions import is_upper, reads_lower
from srcdiff.primitives.forms import NoRule, Operands, Tangents, constant_of, jvp, linear, plus, vjp
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.rules_linalg import item_of, rows
from srcdiff.primitives.rules_products import mT
from srcdiff.primitives.symbolic import Symbolic, np

tril: Callable[..., Symbolic] = np.tril
triu: Callable[..., Symbolic] = np.triu
total: Callable[..., Symbolic] = np.sum
solve: Callable[..., Symbolic] = np.linalg.solve


def _half_diagonal(x: Symbolic) -> Symbolic:
    """The lower triangle of x with its diagonal halved."""
    return 0.5 * (tril(x) + tril(x, -1))


def symmetric(a: Symbolic, lower: bool) -> Symbolic:
    """The symmetric matrix of which NumPy reads a triangle of a."""
    return tril(a) + mT(tril(a, -1)) if lower else triu(a) + mT(triu(a, 1))


def read(s: Symbolic, lower: bool) -> Symbolic:
    """The adjoint of the matrix of which a triangle is read, from that of the symmetric matrix."""
    return tril(s) + tril(mT(s), -1) if lower else triu(s) + triu(mT(s), 1)


# Cholesky: a = l l^T   =>   dl = l phi(l^-1 da l^-T), phi the lower triangle with its diagonal halved, and
# ba = l^-T phi(l^T bl) l^-1          (Murray 2016, section 3). An upper factor is l^T.

Solve = Callable[[Symbolic, Symbolic], Symbolic]


def cholesky_tangent(y: Symbolic, da: Symbolic, upper: bool, by_lower: Solve) -> Symbolic:
    """The tangent of the factor; `by_lower(l, x)` is l^-1 x."""
    factor = mT(y) if upper else y
    half = by_lower(factor, mT(by_lower(factor, symmetric(da, not upper))))
    dy = factor @ _half_diagonal(half)
    return mT(dy) if upper else dy


def cholesky_adjoint(y: Symbolic, by: Symbolic, upper: bool, by_upper: Solve) -> Symbolic:
    """The adjoint of the matrix; `by_upper(u, x)` is u^-1 x."""
    inner = _half_diagonal(y @ mT(by) if upper else mT(y) @ by)
    transposed = y if upper else mT(y)
    # It is the transposed one, which as the adjoint of a symmetric matrix says the same.
    s = by_upper(transposed, mT(by_upper(transposed, inner)))
    return read(s, not upper)


@jvp("np.linalg.cholesky")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    return None if tangents[0] is None else cholesky_tangent(y, tangents[0], is_upper(operands[1].value), solve)


@vjp("np.linalg.cholesky")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [cholesky_adjoint(y, by, is_upper(operands[1].value), solve) if wanted[0] else None, None]


# Eigenvalues of symmetric matrices: a v = v diag(w). With p = v^T da v:
# dw = diag(p) ;  dv = v (f * p) with f[i, j] = 1 / (w[j] - w[i])          (Giles 2008, section 3.1)


def _eigen_tangents(w: Symbolic, v: Symbolic, s: Symbolic) -> tuple[Symbolic, Symbolic]:
    sv = s @ v
    return total(v * sv, axis=-2), v @ (w.apply("inverse_gaps", w) * (mT(v) @ sv))


def _vectors(a: Symbolic, uplo: Symbolic) -> Symbolic:
    return a.apply("np.linalg.eigh", a, uplo)[1]


@jvp("np.linalg.eigh")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    da, lower = tangents[0], reads_lower(operands[1].value)
    if da is None:
        return None
    return y.apply("make_tuple", *_eigen_tangents(y[0], y[1], symmetric(da, lower)))


@vjp("np.linalg.eigh")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    bw, bv = item_of(by, 0), item_of(by, 1)
    w, v = y[0], y[1]
    left = None if bw is None else v * rows(bw, operands[0])
    if bv is not None:
        left = plus(left, v @ (w.apply("inverse_gaps", w) * (mT(v) @ bv)))
    if left is None or not wanted[0]:
        return [None, None]
    return [read(left @ mT(v), reads_lower(operands[1].value)), None]


@jvp("np.linalg.eigvalsh")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, uplo), (da, _) = operands, tangents
    if da is None:
        return None
    v = _vectors(a, uplo)
    return total(v * (symmetric(da, reads_lower(uplo.value)) @ v), axis=-2)


@vjp("np.linalg.eigvalsh")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, uplo = operands
    if not wanted[0]:
        return [None, None]
    v = _vectors(a, uplo)
    return [read((v * rows(by, a)) @ mT(v), reads_lower(uplo.value)), None]


@jvp("inverse_gaps")  # f = 1 / (w[j] - w[i])   =>   df = -f^2 (dw[j] - dw[i])
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    d = tangents[0]
    return None if d is None else y * y * (d[..., :, None] - d[..., None, :])


@vjp("inverse_gaps")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    if not wanted[0]:
        return [None]
    g = by * y * y
    return [total(g, axis=-1) - total(g, axis=-2)]


# Eigenvalues of general matrices, where they are real: with the left vectors l = v^-T and p = l^T da v,
# dw = diag(p) ;  dv = v (f * p), less what would change the length of a vector, which NumPy makes 1.
# (Giles 2008, section 3.1; for the lengths C. Boeddeker et al. 2017, "On the computation of complex-valued gradients")


def _general(a: Symbolic, w: Symbolic | None, v: Symbolic) -> tuple[Symbolic | None, Symbolic, Symbolic]:
    """The eigenvalues, the vectors, and the left vectors; not if any is complex."""
    v = _real(v)
    return None if w is None else _real(w), v, mT(np.linalg.inv(v))


def _real(x: Symbolic) -> Symbolic:
    """x as real numbers: from 2.5 on NumPy's are complex here, with nothing beside the real part."""
    return x.apply("require_real", x)


def _along(v: Symbolic, x: Symbolic) -> Symbolic:
    """The part of each column of x that is along the column of v."""
    return v * total(v * x, axis=-2, keepdims=True)


@jvp("np.linalg.eig")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a,), (da,) = operands, tangents
    if da is None:
        return None
    w, v, left = _general(a, y[0], y[1])
    assert w is not None
    av = da @ v
    dv = v @ (w.apply("inverse_gaps", w) * (mT(left) @ av))
    return y.apply("make_tuple", total(left * av, axis=-2), dv - _along(v, dv))


@vjp("np.linalg.eig")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    (a,), bw, bv = operands, item_of(by, 0), item_of(by, 1)
    if not wanted[0] or (bw is None and bv is None):
        return [None]
    w, v, left = _general(a, y[0], y[1])
    assert w is not None
    moved = None if bw is None else left * rows(_real(bw), a)
    if bv is not None:
        bv = _real(bv)
        moved = plus(moved, left @ (w.apply("inverse_gaps", w) * (mT(v) @ (bv - _along(v, bv)))))
    assert moved is not None
    return [moved @ mT(v)]


@jvp("np.linalg.eigvals")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a,), (da,) = operands, tangents
    if da is None:
        return None
    _, v, left = _general(a, None, a.apply("np.linalg.eig", a)[1])
    return total(left * (da @ v), axis=-2)


@vjp("np.linalg.eigvals")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    (a,) = operands
    if not wanted[0]:
        return [None]
    _, v, left = _general(a, None, a.apply("np.linalg.eig", a)[1])
    return [(left * rows(_real(by), a)) @ mT(v)]


linear("require_real", {0: lambda by, y, x: by})


# Singular values: a = u diag(s) v^T. With p = u^T da v and f[i, j] = 1 / (s[j]^2 - s[i]^2):
# ds = diag(p) ;  du = u (f * (p s + s p^T)) ;  dv = v (f * (s p + p^T s))          (Giles 2008, section 3.2)
# and beside them, where u has more rows than columns, du gets (1 - u u^T) da v s^-1; dv likewise  (Townsend 2016).


def _sides(a: Symbolic) -> tuple[Dimension, Dimension]:
    shape = shape_of_type(a.type)
    return (None, None) if shape is None else (shape[-2], shape[-1])


def _is_longer(m: Dimension, n: Dimension) -> bool | None:
    """Whether m > n; None where it is not known."""
    if is_exact((m,)) and m == n:
        return False
    return m > n if isinstance(m, int) and isinstance(n, int) else None


def _beyond(u: Symbolic, x: Symbolic, row: Symbolic, longer: bool | None) -> Symbolic | None:
    """What of the columns of ``x / row`` is not in the span of those of u: nothing if u is not longer than wide."""
    if longer is False:
        return None
    x = x / row
    if longer is None:
        x = np.where(u.shape[-2] > u.shape[-1], x, 0.0)
    return x - u @ (mT(u) @ x)


def _factors(y: Symbolic, a: Symbolic, full: Symbolic, vectors: bool) -> tuple[Symbolic, Symbolic, Symbolic]:
    """The factors of the reduced decomposition."""
    u, s, vh = y[0], y[1], y[2]
    m, n = _sides(a)
    if not constant_of(full) or (is_exact((m,)) and m == n):
        return u, s, vh
    if vectors:
        raise NoRule(
            "with full_matrices=True the vectors beside the singular ones are not determined: write full_matrices=False"
        )
    k = s.shape[-1]
    return u[..., :, :k], s, vh[..., :k, :]


@jvp("np.linalg.svd")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, full, both), (da, _, _) = operands, tangents
    if da is None:
        return None
    if not constant_of(both):
        return values_tangent(a, da)
    u, s, vh = _factors(y, a, full, True)
    v, (m, n) = mT(vh), _sides(a)
    av = da @ v
    p = mT(u) @ av
    f, row, column = (s * s).apply("inverse_gaps", s * s), s[..., None, :], s[..., :, None]
    ps, sp = p * row, column * p
    du = plus(u @ (f * (ps + mT(ps))), _beyond(u, av, row, _is_longer(m, n)))
    dv = plus(v @ (f * (sp + mT(sp))), _beyond(v, mT(da) @ u, row, _is_longer(n, m)))
    assert du is not None and dv is not None
    return y.apply("make_tuple", du, total(u * av, axis=-2), mT(dv))


def values_tangent(a: Symbolic, da: Symbolic) -> Symbolic:
    y = a.apply("np.linalg.svd", a, False, True)
    return total(y[0] * (da @ mT(y[2])), axis=-2)


def values_adjoint(a: Symbolic, by: Symbolic) -> Symbolic:
    y = a.apply("np.linalg.svd", a, False, True)
    return (y[0] * rows(by, a)) @ y[2]


@vjp("np.linalg.svd")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, full, both = operands
    if not wanted[0]:
        return [None] * 3
    if not constant_of(both):
        return [values_adjoint(a, by), None, None]
    bu, bs, bvh = (item_of(by, i) for i in range(3))
    u, s, vh = _factors(y, a, full, bu is not None or bvh is not None)
    v, (m, n), row = mT(vh), _sides(a), s[..., None, :]
    f = (s * s).apply("inverse_gaps", s * s)
    left = None if bs is None else u * rows(bs, a)
    right: Symbolic | None = None
    if bu is not None:
        inner = f * (mT(u) @ bu)
        left = plus(left, u @ ((inner + mT(inner)) * row))
        left = plus(left, _beyond(u, bu, row, _is_longer(m, n)))
    if bvh is not None:
        bv = mT(bvh)
        inner = f * (mT(v) @ bv)
        left = plus(left, u @ (s[..., :, None] * (inner + mT(inner))))
        right = _beyond(v, bv, row, _is_longer(n, m))
    ba = plus(None if left is None else left @ vh, None if right is None else u @ mT(right))
    return [ba, None, None]


@jvp("np.linalg.svdvals")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a,), (da,) = operands, tangents
    return None if da is None else values_tangent(a, da)


@vjp("np.linalg.svdvals")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [values_adjoint(operands[0], by) if wanted[0] else None]


# QR: a = q r. With x = q^T da r^-1 and its lower triangle l (without the diagonal):
# dq = q (l - l^T - x) + da r^-1 ;  dr = (x - l + l^T) r          (Walter and Lehmann 2010, section 3.2)
# ba = (bq + q copyltu(r br^T - bq^T q)) r^-T, copyltu(m) the symmetric matrix with the lower triangle of m.
# A wide matrix is [a1, a2] with a1 = q r1 square, and r = [r1, q^T a2].


def _over(x: Symbolic, r: Symbolic) -> Symbolic:
    """x r^-1."""
    return mT(solve(mT(r), mT(x)))


def _is_wide(a: Symbolic) -> bool | None:
    m, n = _sides(a)
    return _is_longer(n, m)


def _basis(y: Symbolic, a: Symbolic, mode: Symbolic) -> tuple[Symbolic, Symbolic]:
    if constant_of(mode) == "r":
        return a.apply("np.linalg.qr", a, "reduced")[0], y
    return y[0], y[1]


@jvp("np.linalg.qr")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, mode), (da, _) = operands, tangents
    if da is None:
        return None
    q, r = _basis(y, a, mode)
    narrow = _is_wide(a) is False
    k = None if narrow else q.shape[-1]
    first, r1 = (da, r) if narrow else (da[..., :, :k], r[..., :, :k])
    scaled = _over(first, r1)
    x = mT(q) @ scaled
    lower = tril(x, -1)
    turn = lower - mT(lower)
    dq = q @ (turn - x) + scaled
    dr = (x - turn) @ r1
    if not narrow:
        rest = mT(dq) @ a[..., :, k:] + mT(q) @ da[..., :, k:]
        dr = dr.apply("np.concatenate", [dr, rest], -1)
    return dr if constant_of(mode) == "r" else y.apply("make_tuple", dq, dr)


@vjp("np.linalg.qr")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, mode = operands
    q, r = _basis(y, a, mode)
    bq, br = (None, by) if constant_of(mode) == "r" else (item_of(by, 0), item_of(by, 1))
    if not wanted[0] or (bq is None and br is None):
        return [None, None]
    if _is_wide(a) is False:
        return [_qr_adjoint(q, r, bq, br), None]
    k = q.shape[-1]
    if br is None:
        rest = a.apply("zeros_like", a[..., :, k:])
        first = _qr_adjoint(q, r[..., :, :k], bq, None)
    else:
        bq = plus(bq, a[..., :, k:] @ mT(br[..., :, k:]))
        rest = q @ br[..., :, k:]
        first = _qr_adjoint(q, r[..., :, :k], bq, br[..., :, :k])
    return [first.apply("np.concatenate", [first, rest], -1), None]


def _qr_adjoint(q: Symbolic, r: Symbolic, bq: Symbolic | None, br: Symbolic | None) -> Symbolic:
    if bq is None:
        assert br is not None
        m = r @ mT(br)
    else:
        m = -mT(bq) @ q if br is None else r @ mT(br) - mT(bq) @ q
    turned = q @ (tril(m) + mT(tril(m, -1)))
    return _over(turned if bq is None else bq + turned, mT(r))
