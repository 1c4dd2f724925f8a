"""Derivatives of sums, means, products and their kin. Products are exact where elements are 0."""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Dimension, Scalar
from srcdiff.primitives.composite import jvp_of, vjp_of
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    jvp,
    linear,
    non_differentiable,
    spread,
    vjp,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, reduced_axes
from srcdiff.primitives.symbolic import Symbolic, np

non_differentiable(f"np.{name}" for name in ("any", "all", "count_nonzero", "argmax", "argmin", "allclose"))


def expand(b: Symbolic, x: Symbolic, axis: Symbolic, keepdims: Symbolic) -> Symbolic:
    """`b`, which belongs to a reduction of `x`, with the reduced axes put back as axes of size 1 where that is needed
    to broadcast against `x`."""
    if isinstance(x.type, Scalar) or isinstance(b.type, Scalar):
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
        positions = reduced_axes(axes, len(shape)) or ()
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


def _several(x: Symbolic, axis: Symbolic) -> tuple[int, ...] | None:
    """The axes of a product, where there are several of them."""
    axes = axis_of(axis.value)
    return axes if isinstance(axes, tuple) else None


def _axis_by_axis(x: Symbolic, axis: Symbolic) -> Symbolic:
    """The product of the others along several axes: that of the others in the row, times that of the other rows."""
    axes = _several(x, axis) or ()
    if len(axes) == 1:
        return x.apply("product_of_others", x, axes[0])
    rows = x.apply("np.prod", x, axes[-1], True)
    return x.apply("product_of_others", x, axes[-1]) * x.apply("product_of_others", rows, axes[:-1])


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
        raise NoRule("second derivatives of a product along an axis chosen at run time are not supported")
    same = x.apply("np.eye", moved.shape[-1]) == 1.0
    return moved, np.where(same, 1.0, moved[..., None, :]), same


def _pairs_back(g: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
    axes = axis_of(axis.value)
    return g.apply("np.reshape", g, x.shape) if axes is None else g.apply("np.moveaxis", g, -1, axes)


@jvp("product_of_others")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, axis = operands
    if tangents[0] is None or _several(x, axis) == ():
        return None
    if _several(x, axis):
        return jvp_of(_axis_by_axis)(y, operands, tangents)
    _moved, rows, same = _pairs(x, axis)
    moved_d, _, _ = _pairs(tangents[0], axis)
    d_rows = np.where(same, 0.0, moved_d[..., None, :])
    return _pairs_back(np.sum(y.apply("product_of_others", rows, -1) * d_rows, axis=-1), x, axis)


@vjp("product_of_others")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis = operands
    if not wanted[0] or _several(x, axis) == ():
        return [None, None]
    if _several(x, axis):
        return vjp_of(_axis_by_axis)(y, operands, by, wanted)
    _moved, rows, same = _pairs(x, axis)
    moved_b, _, _ = _pairs(by, axis)
    b_rows = moved_b[..., :, None] * y.apply("product_of_others", rows, -1)
    return [_pairs_back(np.sum(np.where(same, 0.0, b_rows), axis=-2), x, axis), None]
