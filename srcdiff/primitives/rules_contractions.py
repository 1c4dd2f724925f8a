"""Derivatives of products over chosen axes: tensordot, kron, cross, vecdot and its kin, multi_dot, powers of matrices.

They are linear in each factor. The adjoint of a factor is the product of the adjoint and the other factor over the axes
that they share, with the axes put back where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_lowercase

from srcdiff.ir.types import Scalar
from srcdiff.primitives.contractions import axes_of, cross_axes, vector_lengths
from srcdiff.primitives.forms import NoRule, Operands, Tangents, constant_of, fit, jvp, plus, vjp
from srcdiff.primitives.known import axis_of
from srcdiff.primitives.rules_products import mT, rank_of
from srcdiff.primitives.symbolic import Symbolic

Side = Callable[..., Symbolic]


def product(name: str, left: Side, right: Side) -> None:
    """A product of two factors that takes further operands: `left(by, a, b, *others)` is the adjoint of a."""

    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        (a, b, *others), (da, db, *_) = operands, tangents
        return plus(
            None if da is None else y.apply(name, da, b, *others),
            None if db is None else y.apply(name, a, db, *others),
        )

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        first, second, *rest = wanted
        return [
            left(by, *operands) if first else None,
            right(by, *operands) if second else None,
            *(None for _ in rest),
        ]


def ranks_known(name: str, *factors: Symbolic) -> list[int]:
    ranks = [rank_of(x) for x in factors]
    known = [r for r in ranks if r is not None]
    if len(known) < len(ranks):
        raise NoRule(f"the ranks of the operands of {name} must be known: annotate them, or write np.einsum")
    return known


# tensordot: the axes of y are those of a that are left, then those of b.


def _tensordot(a: Symbolic, b: Symbolic, axes_a: Sequence[int], axes_b: Sequence[int]) -> Symbolic:
    """`np.tensordot`, with a number for axes that are the last ones of a and the first ones of b."""
    count = len(axes_a)
    last = rank_of(a) is not None and list(axes_a) == list(range((rank_of(a) or 0) - count, rank_of(a) or 0))
    axes: object = count if last and list(axes_b) == list(range(count)) else (tuple(axes_a), tuple(axes_b))
    return a.apply("np.tensordot", a, b, axes)


def _transposed(x: Symbolic, order: Sequence[int]) -> Symbolic:
    """The array whose axis `order[k]` is axis k of x."""
    if list(order) == sorted(order):
        return x
    if list(order) == [1, 0]:
        return x.T
    return x.apply("np.transpose", x, tuple(sorted(range(len(order)), key=list(order).__getitem__)))


def _contracted(a: Symbolic, b: Symbolic, axes: Symbolic) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
    p, q = ranks_known("np.tensordot", a, b)
    pairs = axes_of(axes.value, p, q)
    if pairs is None:
        raise NoRule("the axes of np.tensordot must be integers written in the call")
    return *pairs, p, q


def _tensordot_left(by: Symbolic, a: Symbolic, b: Symbolic, axes: Symbolic) -> Symbolic:
    own, others, p, q = _contracted(a, b, axes)
    free = [i for i in range(p) if i not in own]
    beside = [j for j in range(q) if j not in others]
    made = _tensordot(by, b, range(len(free), len(free) + len(beside)), beside)
    return _transposed(made, [*free, *(own[others.index(j)] for j in sorted(others))])


def _tensordot_right(by: Symbolic, a: Symbolic, b: Symbolic, axes: Symbolic) -> Symbolic:
    others, own, p, q = _contracted(a, b, axes)
    free = [j for j in range(q) if j not in own]
    beside = [i for i in range(p) if i not in others]
    made = _tensordot(a, by, beside, range(len(beside)))
    return _transposed(made, [*(own[others.index(i)] for i in sorted(others)), *free])


product("np.tensordot", _tensordot_left, _tensordot_right)


# kron: y[i p + k, j q + l] = a[i, j] b[k, l], so the adjoint is taken apart into axes of a and of b.


def _kron_side(of_a: bool) -> Side:
    def side(by: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
        p, q = ranks_known("np.kron", a, b)
        if p == 0 or q == 0:
            return fit(by * (b if of_a else a), a if of_a else b, (q if of_a else p) == 0)
        letters = iter(ascii_lowercase)
        sizes: list[Symbolic] = []
        names: dict[bool, str] = {True: "", False: ""}
        whole = ""
        for k in range(max(p, q)):
            for first, x, rank in ((True, a, p), (False, b, q)):
                axis = k - (max(p, q) - rank)
                if axis >= 0:
                    c = next(letters)
                    names[first] += c
                    whole += c
                    sizes.append(x.shape[axis])
        apart = by.apply("np.reshape", by, tuple(sizes))
        other = b if of_a else a
        return by.apply("einsum_product", False, f"{whole},{names[not of_a]}->{names[of_a]}", apart, other)

    return side


product("np.kron", _kron_side(True), _kron_side(False))


# cross: by . (a x b) = a . (b x by) = b . (by x a).


def _cross_side(of_a: bool) -> Side:
    def side(by: Symbolic, a: Symbolic, b: Symbolic, *given: Symbolic) -> Symbolic:
        axes = cross_axes(*(g.value for g in given))
        if axes is None:
            raise NoRule("the axes of np.cross must be integers written in the call")
        x, other = (a, b) if of_a else (b, a)
        match vector_lengths(a.value, b.value, axes):
            case 3, 3:
                at, beside, result = axes if of_a else (axes[1], axes[0], axes[2])
                chosen = () if axes == (-1, -1, -1) else (beside, result, at) if of_a else (result, beside, at)
                return fit(by.apply("np.cross", *((b, by) if of_a else (by, a)), *chosen), x)
            case 2, 2:
                beside = axes[1] if of_a else axes[0]
                u = other.apply("np.moveaxis", other, beside, -1)
                turned = by.apply("np.stack", [u[..., 1], -u[..., 0]] if of_a else [-u[..., 1], u[..., 0]], -1)
                spread = by * turned if isinstance(by.type, Scalar) else by[..., None] * turned
                own = axes[0] if of_a else axes[1]
                # What was broadcast is summed with the vectors in their place among the axes of the operand.
                moved = x.apply("np.moveaxis", x, own, -1)
                return by.apply("np.moveaxis", fit(spread, moved), -1, own)
            case (3, 2) | (2, 3):
                raise NoRule("vectors of two and of three components: give both three")
            case _:
                u, v = (
                    w if axis == -1 else w.apply("np.moveaxis", w, axis, -1) for w, axis in ((a, axes[0]), (b, axes[1]))
                )
                if of_a:
                    g = by.apply("cross_adjoint", by, u, v, axes[2])
                else:
                    g = -by.apply("cross_adjoint", by, v, u, axes[2])
                own = axes[0] if of_a else axes[1]
                return g if own == -1 else by.apply("np.moveaxis", g, -1, own)

    return side


product("np.cross", _cross_side(True), _cross_side(False))


@jvp("cross_adjoint")  # b x g, summed down
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (g, a, b, axis), (dg, _, db, _) = operands, tangents
    return plus(
        None if dg is None else y.apply("cross_adjoint", dg, a, b, axis),
        None if db is None else y.apply("cross_adjoint", g, a, db, axis),
    )


@vjp("cross_adjoint")  # by . (b x g) = g . (by x b) = b . (g x by)
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    g, _a, b, axis = operands
    return [
        by.apply("unbroadcast", by.apply("np.cross", by, b, -1, -1, axis), g) if wanted[0] else None,
        None,
        -by.apply("cross_adjoint", g, b, by, axis) if wanted[2] else None,
        None,
    ]


# Products of stacks of vectors.


def _vecdot_side(of_a: bool) -> Side:
    def side(by: Symbolic, a: Symbolic, b: Symbolic, axis: Symbolic) -> Symbolic:
        ranks_known("np.vecdot", a, b)
        at = axis_of(axis.value)
        if not isinstance(at, int):
            raise NoRule("the axis of np.vecdot must be an integer written in the call")
        if at >= 0 and rank_of(a) != rank_of(b):
            raise NoRule("the axis of np.vecdot must count from the end where the ranks differ")
        x, other = (a, b) if of_a else (b, a)
        return fit((by if isinstance(by.type, Scalar) else by.apply("np.expand_dims", by, at)) * other, x)

    return side


product("np.vecdot", _vecdot_side(True), _vecdot_side(False))


def outer(u: Symbolic, v: Symbolic) -> Symbolic:
    """The products of the elements of two vectors, or of the vectors in two stacks."""
    if rank_of(u) == rank_of(v) == 1:
        return u.apply("np.outer", u, v)
    return u[..., :, None] * v[..., None, :]


def _one_matrix(a: Symbolic, x: Symbolic) -> bool:
    return rank_of(a) == 2 and rank_of(x) == 1


product(
    "np.matvec",
    lambda by, a, x: fit(outer(by, x), a),
    lambda by, a, x: a.T @ by if _one_matrix(a, x) else fit(by.apply("np.matvec", mT(a), by), x),
)
product(
    "np.vecmat",
    lambda by, x, a: a @ by if _one_matrix(a, x) else fit(by.apply("np.matvec", a, by), x),
    lambda by, x, a: fit(outer(x, by), a),
)


# multi_dot: d(a b c) = da b c + a db c + a b dc, and the adjoint of b is a^T by c^T.


@jvp("np.linalg.multi_dot")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    total: Symbolic | None = None
    for i, d in enumerate(tangents):
        if d is not None:
            total = plus(total, y.apply("np.linalg.multi_dot", *operands[:i], d, *operands[i + 1 :]))
    return total


@vjp("np.linalg.multi_dot")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    ranks = ranks_known("np.linalg.multi_dot", *operands)
    row, column = ranks[0] == 1, ranks[-1] == 1
    last = len(ranks) - 1
    # A vector at an end is a matrix of one row or one column, and so is the result then.
    turned = [x.T if r == 2 else x for x, r in zip(operands, ranks, strict=True)]
    whole = by
    if row:
        turned[0] = operands[0][:, None]
        whole = by[None, :] if not column else by
    if column:
        turned[-1] = operands[-1][None, :]
        whole = by[:, None] if not row else by.apply("np.reshape", by, (1, 1))
    result: list[Symbolic | None] = []
    for i, want in enumerate(wanted):
        left, right = turned[:i][::-1], turned[i + 1 :][::-1]
        if not want:
            result.append(None)
        elif (i == last and column and not row) or (i == 0 and row and not column):
            result.append(_chain(*left, by, *right))
        else:
            made = _chain(*left, whole, *right)
            result.append(made[0] if row and i == 0 else made[:, 0] if column and i == last else made)
    return result


def _chain(*factors: Symbolic) -> Symbolic:
    """A product of two factors or more."""
    return factors[0] @ factors[1] if len(factors) == 2 else factors[0].apply("np.linalg.multi_dot", *factors)


# Powers: the sum of a^i d a^j over i + j = n - 1. It is a corner of the power of a matrix of blocks,
# [[a, d], [0, a]]^n = [[a^n, dy], [0, a^n]], as it is for every analytic function (Mathias 1996, "A chain rule for
# matrix functions and applications", theorem 2.1). Its adjoint is the derivative at a^T along by.


def _power_change(y: Symbolic, a: Symbolic, n: Symbolic, d: Symbolic) -> Symbolic:
    """The derivative of `a^n`, which is y, along d."""
    match constant_of(n):
        case 0:
            return d.apply("zeros_like", d)
        case 1:
            return d
        case 2:
            return d @ a + a @ d
        case 3:
            return d @ a @ a + a @ d @ a + a @ a @ d
        case _:
            return y.apply("matrix_power_change", a, n, d)


@jvp("np.linalg.matrix_power")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    a, n = operands
    da = tangents[0]
    if da is None:
        return None
    return -y @ da @ y if constant_of(n) == -1 else _power_change(y, a, n, da)


@vjp("np.linalg.matrix_power")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, n = operands
    if not wanted[0]:
        return [None, None]
    return [-mT(y) @ by @ mT(y) if constant_of(n) == -1 else _power_change(y, mT(a), n, by), None]


def blocks(a: Symbolic, d: Symbolic) -> Symbolic:
    """The matrix of blocks [[a, d], [0, a]]."""
    upper = a.apply("np.concatenate", [a, d], -1)
    lower = a.apply("np.concatenate", [d.apply("zeros_like", d), a], -1)
    return a.apply("np.concatenate", [upper, lower], -2)


def corner(x: Symbolic, a: Symbolic) -> Symbolic:
    """The upper right block of x, of the size of a."""
    size = a.shape[-1]
    return x[..., :size, size:]


def derivative_of_change(
    change: Callable[[Symbolic, Symbolic], Symbolic], a: Symbolic, d: Symbolic, e: Symbolic
) -> Symbolic:
    """The derivative along e, as a changes, of `change(a, d)`, the derivative of a function of a along d."""
    zero = e.apply("zeros_like", e)
    upper = e.apply("np.concatenate", [e, zero], -1)
    lower = e.apply("np.concatenate", [zero, e], -1)
    both = e.apply("np.concatenate", [upper, lower], -2)
    return corner(change(blocks(a, d), both), a)


@jvp("matrix_power_change")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, n, d), (da, _, dd) = operands, tangents

    def change(x: Symbolic, v: Symbolic) -> Symbolic:
        return y.apply("matrix_power_change", x, n, v)

    return plus(
        None if da is None else derivative_of_change(change, a, d, da),
        None if dd is None else change(a, dd),
    )


@vjp("matrix_power_change")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, n, d = operands

    def change(x: Symbolic, v: Symbolic) -> Symbolic:
        return y.apply("matrix_power_change", x, n, v)

    return [
        derivative_of_change(change, mT(a), mT(d), by) if wanted[0] else None,
        None,
        change(mT(a), by) if wanted[2] else None,
    ]
