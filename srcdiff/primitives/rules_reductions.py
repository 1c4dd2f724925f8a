"""Derivatives of reductions.

Where a function has no derivative: max and min share equally between equal elements; a norm at 0 has derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Dimension, Scalar
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    is_none,
    jvp,
    linear,
    non_differentiable,
    spread,
    vjp,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, normal_axes
from srcdiff.primitives.symbolic import Symbolic, np

non_differentiable(f"np.{name}" for name in ("any", "all", "count_nonzero", "argmax", "argmin", "argsort", "allclose"))


def expand(b: Symbolic, x: Symbolic, axis: Symbolic, keepdims: Symbolic) -> Symbolic:
    """`b`, which belongs to a reduction of `x`, with the reduced axes put back as axes of size 1 where that is needed
    to broadcast against `x`."""
    if isinstance(x.type, Scalar):
        return b
    keep, axes = constant_of(keepdims), axis_of(axis.value)
    if keep:
        return b
    if keep is None or axes is UNKNOWN_AXIS:
        return b.apply("np.reshape", b, np.sum(x, axis=axis, keepdims=True).shape)
    return b if axes is None else b.apply("np.expand_dims", b, axis)


def reduced(name: str, x: Symbolic, axis: Symbolic, keepdims: Symbolic | bool) -> Symbolic:
    """A reduction of `x`; numbers need no axis."""
    return x.apply(name, x, axis, keepdims)


def count(x: Symbolic, y: Symbolic, axis: Symbolic) -> Symbolic | float:
    """How many elements of `x` went into each element of the reduction `y`."""
    if isinstance(x.type, Scalar):
        return 1
    shape, axes = shape_of_type(x.type), axis_of(axis.value)
    if shape is not None and axes is not UNKNOWN_AXIS:
        positions = normal_axes(axes, len(shape)) or ()
        total = _constant_product([shape[i] for i in positions])
        if total is not None:
            return total
        if axes is not None:
            sizes = [shape[i] if isinstance(shape[i], int) else x.shape[i] for i in positions]
            product = sizes[0]
            for size in sizes[1:]:
                product = product * size  # type: ignore[operator]
            return product  # type: ignore[return-value]
    if axes is None:
        return x.apply("size", x)
    if isinstance(axes, int):
        return x.shape[axes]
    return x.apply("size", x) // x.apply("max", x.apply("size", y), 1)


def _constant_product(dims: Sequence[Dimension]) -> int | None:
    total = 1
    for d in dims:
        if not isinstance(d, int):
            return None
        total *= d
    return total


linear("np.sum", {0: lambda by, y, x, axis, keepdims: spread(expand(by, x, axis, keepdims), x)})
linear(
    "np.mean",
    {0: lambda by, y, x, axis, keepdims: spread(expand(by, x, axis, keepdims) / count(x, y, axis), x)},
)


def _extreme_weights(y: Symbolic, x: Symbolic, axis: Symbolic, keepdims: Symbolic) -> tuple[Symbolic, Symbolic]:
    """Where the extremum is taken, and at how many places."""
    mask = x == expand(y, x, axis, keepdims)
    if is_none(axis) and constant_of(keepdims) is False:
        # A Python integer, which leaves single precision single.
        return mask, x.apply("np.count_nonzero", mask, None, False)
    return mask, x.apply("np.count_nonzero", mask, axis, keepdims)


@jvp("np.max", "np.min")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, axis, keepdims = operands
    d = tangents[0]
    if d is None or isinstance(x.type, Scalar):
        return d
    mask, ties = _extreme_weights(y, x, axis, keepdims)
    return reduced("np.sum", d * mask, axis, keepdims) / ties


@vjp("np.max", "np.min")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis, keepdims = operands
    if not wanted[0] or isinstance(x.type, Scalar):
        return [by if wanted[0] else None, None, None]
    mask, ties = _extreme_weights(y, x, axis, keepdims)
    return [expand(by / ties, x, axis, keepdims) * mask, None, None]


@jvp("np.prod")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, axis, keepdims = operands
    d = tangents[0]
    if d is None or isinstance(x.type, Scalar):
        return d
    return reduced("np.sum", x.apply("product_of_others", x, axis) * d, axis, keepdims)


@vjp("np.prod")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis, keepdims = operands
    if not wanted[0] or isinstance(x.type, Scalar):
        return [by if wanted[0] else None, None, None]
    return [expand(by, x, axis, keepdims) * x.apply("product_of_others", x, axis), None, None]


def _pairs(x: Symbolic, axis: Symbolic) -> tuple[Symbolic, Symbolic, Symbolic]:
    """For `product_of_others`: x with the axis last; all x_j beside each x_i with 1 at j = i; and where j = i.

    The product of the others of x_i is the product of row i: derivatives of every order follow from those of np.prod.
    """
    axes = axis_of(axis.value)
    if axes is None:
        moved = x.apply("np.ravel", x)
    elif isinstance(axes, int):
        moved = x.apply("np.moveaxis", x, axes, -1)
    else:
        raise NoRule(
            "second derivatives of a product along several axes, or an axis chosen at run time, are not supported"
        )
    same = x.apply("np.eye", moved.shape[-1]) == 1.0
    return moved, np.where(same, 1.0, moved[..., None, :]), same


def _pairs_back(g: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
    axes = axis_of(axis.value)
    return g.apply("np.reshape", g, x.shape) if axes is None else g.apply("np.moveaxis", g, -1, axes)


@jvp("product_of_others")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, axis = operands
    if tangents[0] is None:
        return None
    _moved, rows, same = _pairs(x, axis)
    moved_d, _, _ = _pairs(tangents[0], axis)
    d_rows = np.where(same, 0.0, moved_d[..., None, :])
    return _pairs_back(np.sum(y.apply("product_of_others", rows, -1) * d_rows, axis=-1), x, axis)


@vjp("product_of_others")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis = operands
    if not wanted[0]:
        return [None, None]
    _moved, rows, same = _pairs(x, axis)
    moved_b, _, _ = _pairs(by, axis)
    b_rows = moved_b[..., :, None] * y.apply("product_of_others", rows, -1)
    return [_pairs_back(np.sum(np.where(same, 0.0, b_rows), axis=-2), x, axis), None]


def _deviation(x: Symbolic, y: Symbolic, axis: Symbolic, ddof: Symbolic) -> tuple[Symbolic, Symbolic | float]:
    """x minus its mean, and the divisor of a variance."""
    centred = x - x.apply("np.mean", x, axis, True)
    n, less = count(x, y, axis), constant_of(ddof)
    if less is None:
        return centred, n - ddof
    return centred, n if less == 0 else n - less


def _variance(name: str, root: bool) -> None:
    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        x, axis, ddof, keepdims = operands
        d = tangents[0]
        if d is None:
            return None
        centred, n = _deviation(x, y, axis, ddof)
        moved = reduced("np.sum", centred * d, axis, keepdims)
        return moved / (y * n) if root else 2.0 * moved / n

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        x, axis, ddof, keepdims = operands
        if not wanted[0]:
            return [None] * 4
        centred, n = _deviation(x, y, axis, ddof)
        weight = by / (y * n) if root else 2.0 * by / n
        return [expand(weight, x, axis, keepdims) * centred, None, None, None]


_variance("np.var", False)
_variance("np.std", True)


def _cumsum_transpose(by: Symbolic, y: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
    along: object = 0 if is_none(axis) else axis
    back = by.apply("np.flip", by.apply("np.cumsum", by.apply("np.flip", by, along), along), along)
    shape = shape_of_type(x.type)
    plain = shape is not None and len(shape) == 1
    return by.apply("np.reshape", back, x.shape) if is_none(axis) and not plain else back


linear("np.cumsum", {0: _cumsum_transpose})


def _only_euclidean(x: Symbolic, order: Symbolic, axis: Symbolic) -> None:
    kind = constant_of(order)
    shape = shape_of_type(x.type)
    vector = isinstance(axis_of(axis.value), int) or (is_none(axis) and shape is not None and len(shape) == 1)
    if is_none(order) or (kind == "fro" and not vector) or (vector and kind == 2):
        return
    raise NoRule("only the Euclidean (Frobenius) norm has a rule: write other norms with np.abs, np.sum and np.max")


@jvp("np.linalg.norm")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, order, axis, keepdims = operands
    d = tangents[0]
    if d is None:
        return None
    _only_euclidean(x, order, axis)
    return reduced("np.sum", x * d, axis, keepdims) / (y + (y == 0))


@vjp("np.linalg.norm")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, order, axis, keepdims = operands
    if not wanted[0]:
        return [None] * 4
    _only_euclidean(x, order, axis)
    return [expand(by / (y + (y == 0)), x, axis, keepdims) * x, None, None, None]
