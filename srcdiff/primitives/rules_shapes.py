"""Derivatives of what makes and rearranges arrays: all linear, so the adjoint is the way back."""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Array, List, Scalar, Tuple, Type, Unknown, is_container
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    fit,
    is_none,
    jvp,
    linear,
    non_differentiable,
    plus,
    spread,
    vjp,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of
from srcdiff.primitives.shapes import rolled
from srcdiff.primitives.symbolic import Symbolic

non_differentiable(
    (
        *("np.zeros", "np.ones", "np.empty", "np.zeros_like", "np.ones_like", "np.empty_like", "np.eye", "np.identity"),
        *("shape", "ndim", "size", "dtype"),
    )
)


def back(by: Symbolic, x: Symbolic) -> Symbolic:
    """`by` in the shape of `x`."""
    if isinstance(x.type, Scalar):
        return by.sum()
    if isinstance(x.type, Array) and isinstance(by.type, Array) and x.type.rank == by.type.rank == 1:
        return by
    return by.apply("np.reshape", by, x.shape)


def unpack(by: Symbolic, x: Symbolic, y: Symbolic | None = None) -> Symbolic:
    """The array `by` taken apart into the lists and tuples that `x` is made of; `y` is the array that was made of x."""
    length = None if y is None or not isinstance(y.type, Array) or not y.type.shape else y.type.shape[0]
    match x.type:
        case Scalar():
            return back(by, x)
        case List(item) if isinstance(item, Scalar) and isinstance(length, int):
            return by.apply("make_list", *(by[i] for i in range(length)))
        case List(item) if isinstance(item, Scalar):
            return by.apply("list", by)
        case Tuple(items) if all(map(_is_plain, items)):
            return _of_items(by, items, ())
        case List() | Tuple():
            return by.apply("unpack", by, x)
        case _:
            return by


def _is_plain(t: Type) -> bool:
    """Whether an adjoint of this type is an element or a part of an array, or a tuple of such."""
    return isinstance(t, Scalar | Array) or (isinstance(t, Tuple) and all(map(_is_plain, t.items)))


def _of_items(by: Symbolic, items: Sequence[Type], at: tuple[int, ...]) -> Symbolic:
    parts = []
    for i, t in enumerate(items):
        place = (*at, i)
        index = place if len(place) > 1 else i
        parts.append(_of_items(by, t.items, place) if isinstance(t, Tuple) else by[index])
    return by.apply("make_tuple", *parts)


# Makers.

linear("np.full", {1: lambda by, y, shape, value, dtype: fit(by, value)})
linear("np.full_like", {1: lambda by, y, a, value, dtype: fit(by, value)})
linear("np.array", {0: lambda by, y, x, dtype: unpack(by, x, y)})
linear("np.asarray", {0: lambda by, y, x, dtype: unpack(by, x, y)})
linear("unpack", {0: lambda by, y, g, x: by.apply("np.array", by)})
linear("astype", {0: lambda by, y, x, dtype: by})
linear("item", {0: lambda by, y, x: spread(by, x)})
linear("tolist", {0: lambda by, y, x: back(by.apply("np.array", by), x)})


def _arange_weights(y: Symbolic, operands: Operands) -> list[Symbolic | float | None]:
    """The derivatives of the elements start + k step; how many there are is not differentiated. A single operand is the
    end, which no element depends on."""
    _start, stop, step, _dtype = operands
    steps = None if is_none(step) else y.apply("np.arange", y.apply("len", y))
    return [None if is_none(stop) else 1.0, None, steps, None]


@jvp("np.arange")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    total: Symbolic | None = None
    for weight, d in zip(_arange_weights(y, operands), tangents, strict=True):
        if weight is not None and d is not None:
            total = plus(total, d if isinstance(weight, float) else weight * d)
    return None if total is None else spread(total, y)


@vjp("np.arange")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    weights = _arange_weights(y, operands)
    return [
        None if weight is None or not want else by.sum() if isinstance(weight, float) else (by * weight).sum()
        for weight, want in zip(weights, wanted, strict=True)
    ]


# Shapes.

linear("T", {0: lambda by, y, x: by.T})
linear("np.reshape", {0: lambda by, y, x, shape: back(by, x)})
linear("np.ravel", {0: lambda by, y, x: back(by, x)})
linear("np.squeeze", {0: lambda by, y, x, axis: back(by, x)})
linear("np.atleast_1d", {0: lambda by, y, x: back(by, x)})
linear("np.atleast_2d", {0: lambda by, y, x: back(by, x)})
linear("np.atleast_3d", {0: lambda by, y, x: back(by, x)})
linear("np.ascontiguousarray", {0: lambda by, y, x, dtype: _of_at_least_one_axis(by, x)})
linear("np.asfortranarray", {0: lambda by, y, x, dtype: _of_at_least_one_axis(by, x)})
linear("np.require", {0: lambda by, y, x, dtype, requirements: unpack(by, x)})
linear("np.swapaxes", {0: lambda by, y, x, a, b: by.apply("np.swapaxes", by, a, b)})
linear("np.moveaxis", {0: lambda by, y, x, a, b: by.apply("np.moveaxis", by, b, a)})
linear("np.broadcast_to", {0: lambda by, y, x, shape: fit(by, x)})
linear("unbroadcast", {0: lambda by, y, g, x: spread(_without_lead(by, g), g)})
linear("np.flip", {0: lambda by, y, x, axis: by.apply("np.flip", by, axis)})
linear("np.fliplr", {0: lambda by, y, x: by.apply("np.fliplr", by)})
linear("np.flipud", {0: lambda by, y, x: by.apply("np.flipud", by)})
linear("np.rot90", {0: lambda by, y, x, k, axes: by.apply("np.rot90", by, _negated(k), axes)})
linear("np.roll", {0: lambda by, y, x, shift, axis: by.apply("np.roll", by, _negated(shift), axis)})


def _of_at_least_one_axis(by: Symbolic, x: Symbolic) -> Symbolic:
    """The adjoint of what has got an axis if it had none."""
    shape = shape_of_type(x.type)
    return unpack(by, x) if is_container(x.type) or shape else back(by, x)


def _without_lead(by: Symbolic, g: Symbolic) -> Symbolic:
    """`by` without leading axes of size 1 that `g` is known not to have."""
    if isinstance(by.type, Array) and isinstance(g.type, Array) and by.type.rank and g.type.rank is not None:
        return by.apply("unbroadcast", by, g) if by.type.rank > g.type.rank else by
    return by


def _negated(shift: Symbolic) -> Symbolic | int:
    known = constant_of(shift)
    if isinstance(known, int):
        return -known
    places = axis_of(shift.value) if isinstance(shift.type, Tuple) else None
    if isinstance(places, tuple):
        return shift.apply("make_tuple", *(-p for p in places))
    if isinstance(shift.type, Scalar | Unknown | Array):
        return -shift
    return -shift.apply("np.array", shift)


def _transpose_back(by: Symbolic, y: Symbolic, x: Symbolic, axes: Symbolic) -> Symbolic:
    order = axis_of(axes.value)
    if order is None:
        return by.apply("np.transpose", by)
    if isinstance(order, tuple):
        order = tuple(a % len(order) for a in order)
        return by.apply("np.transpose", by, tuple(order.index(i) for i in range(len(order))))
    return by.apply("np.transpose", by, by.apply("np.argsort", axes))


def _expand_dims_back(by: Symbolic, y: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
    if axis_of(axis.value) is UNKNOWN_AXIS or isinstance(x.type, Scalar):
        return back(by, x)
    return by.apply("np.squeeze", by, axis)


def _rollaxis_back(by: Symbolic, y: Symbolic, x: Symbolic, axis: Symbolic, start: Symbolic) -> Symbolic:
    shape = shape_of_type(x.type)
    places = rolled(axis.value, start.value, None if shape is None else len(shape))
    if places is None:
        raise NoRule("the axis and its new place must be constants; annotate the array if they count from the end")
    return by.apply("np.moveaxis", by, places[1], places[0])


linear("np.rollaxis", {0: _rollaxis_back})
linear("np.transpose", {0: _transpose_back})
linear("np.expand_dims", {0: _expand_dims_back})
