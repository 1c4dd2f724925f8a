"""Derivatives of the linear algebra of SciPy.

Systems of equations as in `rules_linalg` (Giles 2008, section 2.3.1), where of a triangular or a symmetric matrix one
triangle is read and the other has the derivative zero; Cholesky factors as in `rules_decompositions` (Murray 2016). The
derivative of the exponential is the Frechet derivative: A. H. Al-Mohy and N. J. Higham 2009, "Computing the Frechet
derivative of the matrix exponential, with an application to condition number estimation", and its adjoint that of the
transposed matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srcdiff.ir.types import Array
from srcdiff.primitives.forms import RULES, NoRule, Operands, Tangents, constant_of, is_none, jvp, plus, vjp
from srcdiff.primitives.rules_contractions import blocks, corner, derivative_of_change
from srcdiff.primitives.rules_decompositions import cholesky_adjoint, cholesky_tangent, read, symmetric
from srcdiff.primitives.rules_linalg import item_of
from srcdiff.primitives.rules_products import mT, rank_of
from srcdiff.primitives.scipy_linalg import is_symmetric, is_transposed
from srcdiff.primitives.symbolic import Symbolic, np

tril: Callable[..., Symbolic] = np.tril
triu: Callable[..., Symbolic] = np.triu


def _check(a: Symbolic, b: Symbolic) -> None:
    if rank_of(a) != 2 or rank_of(b) not in (1, 2):
        raise NoRule("the ranks of its operands must be known, and be those of a matrix and a vector or a matrix")


def _outer(u: Symbolic, v: Symbolic) -> Symbolic:
    return u.apply("np.outer", u, v) if rank_of(u) == 1 else u @ v.T


def _triangle(x: Symbolic, lower: object, unit: object) -> Symbolic:
    """What is read of a triangular matrix; the ones of a unit diagonal are not."""
    if lower:
        return tril(x, -1) if unit else tril(x)
    return triu(x, 1) if unit else triu(x)


@jvp("scipy.linalg.solve_triangular")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, b, trans, *options), (da, db, *_) = operands, tangents
    if da is None and db is None:
        return None
    _check(a, b)
    right = db
    if da is not None:
        change = _triangle(da, *map(constant_of, options[:2]))
        right = plus(db, -(change.T if is_transposed(trans.value) else change) @ y)
    return y.apply("scipy.linalg.solve_triangular", a, right, trans, *options)


@vjp("scipy.linalg.solve_triangular")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, b, trans, *options = operands
    _check(a, b)
    transposed = is_transposed(trans.value)
    bb = by.apply("scipy.linalg.solve_triangular", a, by, 0 if transposed else 1, *options)
    ba: Symbolic | None = None
    if wanted[0]:
        ba = -_triangle(_outer(y, bb) if transposed else _outer(bb, y), *map(constant_of, options[:2]))
    return [ba, bb if wanted[1] else None, *(None for _ in wanted[2:])]


@jvp("scipy.linalg.solve")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, b, *options), (da, db, *_) = operands, tangents
    if da is None and db is None:
        return None
    _check(a, b)
    lower, assume, transposed = options[0], options[4], constant_of(options[5])
    right = db
    if da is not None:
        change = symmetric(da, bool(constant_of(lower))) if is_symmetric(assume.value) else da
        right = plus(db, -(change.T if transposed else change) @ y)
    return y.apply("scipy.linalg.solve", a, right, *options)


@vjp("scipy.linalg.solve")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, b, *options = operands
    _check(a, b)
    lower, assume, transposed = options[0], options[4], constant_of(options[5])
    if is_symmetric(assume.value):
        bb = by.apply("scipy.linalg.solve", a, by, *options)
        ba = read(-_outer(bb, y), bool(constant_of(lower))) if wanted[0] else None
    else:
        bb = by.apply("scipy.linalg.solve", a if transposed else a.T, by, *options[:5], False)
        ba = (-_outer(y, bb) if transposed else -_outer(bb, y)) if wanted[0] else None
    return [ba, bb if wanted[1] else None, *(None for _ in wanted[2:])]


# cho_solve: (l l^T) y = b for a lower factor, (u^T u) y = b for an upper one. With m = bb y^T + y bb^T:
# bl = -m l ;  bu = -u m


@jvp("scipy.linalg.cho_solve")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (c, lower, b, *options), (dc, _, db, *_) = operands, tangents
    if dc is None and db is None:
        return None
    _check(c, b)
    right = db
    if dc is not None:
        factor, change = (_triangle(x, constant_of(lower), False) for x in (c, dc))
        if constant_of(lower):
            moved = change @ (factor.T @ y) + factor @ (change.T @ y)
        else:
            moved = change.T @ (factor @ y) + factor.T @ (change @ y)
        right = plus(db, -moved)
    return y.apply("scipy.linalg.cho_solve", c, lower, right, *options)


@vjp("scipy.linalg.cho_solve")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    c, lower, b, *options = operands
    _check(c, b)
    bb = by.apply("scipy.linalg.cho_solve", c, lower, by, *options)
    bc: Symbolic | None = None
    if wanted[0]:
        factor = _triangle(c, constant_of(lower), False)
        m = _outer(bb, y)
        m = m + m.T
        bc = -_triangle(m @ factor if constant_of(lower) else factor @ m, constant_of(lower), False)
    return [bc, None, bb if wanted[2] else None, *(None for _ in options)]


def _solver(lower: bool) -> Callable[[Symbolic, Symbolic], Symbolic]:
    def solve(factor: Symbolic, x: Symbolic) -> Symbolic:
        if rank_of(factor) != 2:
            made: Symbolic = np.linalg.solve(factor, x)
            return made
        return x.apply("scipy.linalg.solve_triangular", factor, x, 0, lower)

    return solve


@jvp("scipy.linalg.cholesky")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    upper = not constant_of(operands[1])
    return None if tangents[0] is None else cholesky_tangent(y, tangents[0], upper, _solver(True))


@vjp("scipy.linalg.cholesky")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    upper = not constant_of(operands[1])
    return [cholesky_adjoint(y, by, upper, _solver(False)) if wanted[0] else None, None, None, None]


@jvp("scipy.linalg.cho_factor")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    if tangents[0] is None:
        return None
    lower = constant_of(operands[1])
    factor = _triangle(y[0], lower, False)
    return y.apply("make_tuple", cholesky_tangent(factor, tangents[0], not lower, _solver(True)), 0.0)


@vjp("scipy.linalg.cho_factor")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    lower, bc = constant_of(operands[1]), item_of(by, 0)
    if bc is None or not wanted[0]:
        return [None] * 4
    factor = _triangle(y[0], lower, False)
    return [cholesky_adjoint(factor, bc, not lower, _solver(False)), None, None, None]


def _as_in_numpy(name: str) -> None:
    """The rules of the function of `numpy.linalg`; further operands are options."""
    rule = RULES[f"np.linalg.{name}"]

    @jvp(f"scipy.linalg.{name}")
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        return rule.jvp(y, operands[:1], tangents[:1])

    @vjp(f"scipy.linalg.{name}")
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        return [*rule.vjp(y, operands[:1], by, wanted[:1]), *(None for _ in wanted[1:])]


_as_in_numpy("inv")
_as_in_numpy("det")


# The exponential.


def _exponential_change(a: Symbolic, d: Symbolic) -> Symbolic:
    if rank_of(a) == 2:
        made = a.apply("scipy.linalg.expm_frechet", a, d, None, False)
        # It comes in double precision.
        double = isinstance(a.type, Array) and a.type.dtype == "float64"
        return made if double else made.apply("astype", made, a.apply("dtype", a))
    # SciPy has it for one matrix only. Otherwise it is the corner of an exponential of blocks (Mathias 1996).
    return corner(a.apply("scipy.linalg.expm", blocks(a, d)), a)


@jvp("scipy.linalg.expm")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    return None if tangents[0] is None else _exponential_change(operands[0], tangents[0])


@vjp("scipy.linalg.expm")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [_exponential_change(mT(operands[0]), by) if wanted[0] else None]


@jvp("scipy.linalg.expm_frechet")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, e, *_), (da, de, *_) = operands, tangents
    return plus(
        None if da is None else derivative_of_change(_exponential_change, a, e, da),
        None if de is None else _exponential_change(a, de),
    )


@vjp("scipy.linalg.expm_frechet")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, e = operands[:2]
    return [
        derivative_of_change(_exponential_change, mT(a), mT(e), by) if wanted[0] else None,
        _exponential_change(mT(a), by) if wanted[1] else None,
        *(None for _ in wanted[2:]),
    ]


# Matrices that are put together.


@jvp("scipy.linalg.block_diag")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    if all(d is None for d in tangents):
        return None
    parts = [x.apply("zeros_like", x) if d is None else d for x, d in zip(operands, tangents, strict=True)]
    return y.apply("scipy.linalg.block_diag", *parts)


@vjp("scipy.linalg.block_diag")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    result: list[Symbolic | None] = []
    row: Symbolic | int | None = None
    column: Symbolic | int | None = None
    for x, want in zip(operands, wanted, strict=True):
        rank = rank_of(x)
        if rank is None:
            raise NoRule("the ranks of the blocks must be known: annotate them")
        below = _after(row, x.shape[0] if rank == 2 else 1)
        beside = _after(column, x.shape[-1] if rank else 1)
        rows = slice(row, below) if rank == 2 else 0 if row is None else row
        columns = slice(column, beside) if rank else 0 if column is None else column
        result.append(by[rows, columns] if want else None)
        row, column = below, beside
    return result


def _after(start: Symbolic | int | None, size: Symbolic | int) -> Symbolic | int:
    return size if start is None else start + size


@jvp("scipy.linalg.toeplitz")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (c, r), (dc, dr) = operands, tangents
    if dc is None and dr is None:
        return None
    if is_none(r):
        return y.apply("scipy.linalg.toeplitz", dc)
    return y.apply(
        "scipy.linalg.toeplitz",
        c.apply("zeros_like", c) if dc is None else dc,
        r.apply("zeros_like", r) if dr is None else dr,
    )


@vjp("scipy.linalg.toeplitz")  # y[i, j] = c[i - j] below the diagonal and on it, r[j - i] above it
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    c, r = operands
    if rank_of(c) != 1 or not (is_none(r) or rank_of(r) == 1):
        raise NoRule("its operands must be known to be vectors: annotate them")
    down = by.apply("np.arange", c.shape[0])[:, None]
    if is_none(r):
        distance = np.abs(down - by.apply("np.arange", c.shape[0]))
        return [_gathered(c, distance, by) if wanted[0] else None, None]
    offset = down - by.apply("np.arange", r.shape[0])
    return [
        _gathered(c, np.maximum(offset, 0), tril(by)) if wanted[0] else None,
        _gathered(r, np.maximum(-offset, 0), triu(by, 1)) if wanted[1] else None,
    ]


def _gathered(x: Symbolic, index: Symbolic, g: Symbolic) -> Symbolic:
    return g.apply("index_add", x.apply("zeros_like", x), index, g)
