"""Derivatives of cumulative sums and products, and what rules along one axis are written with.

With y the cumulative product of x, ``dy[i] = x[i] dy[i-1] + y[i-1] dx[i]``: a recurrence, exact where elements are 0.
What `nancumsum` and `nancumprod` leave out has derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.primitives.composite import composite
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    is_none,
    jvp,
    linear,
    plus,
    vjp,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import axis_of
from srcdiff.primitives.symbolic import Symbolic, np


def one_axis(axis: Symbolic) -> int:
    """The axis, which is known when the program is compiled."""
    found = axis_of(axis.value)
    if not isinstance(found, int):
        raise NoRule("an axis chosen at run time has no rule: write the number")
    return found


def part(x: Symbolic, axis: int, which: object) -> Symbolic:
    """The part of x that an index chooses along one axis."""
    return x[index_along(x, axis, which)]


def index_along(x: Symbolic, axis: int, which: object) -> object:
    """The index of that part."""
    shape = shape_of_type(x.type)
    if axis < 0 and shape is not None:
        axis += len(shape)
    if axis >= 0:
        return (slice(None),) * axis + (which,) if axis else which
    return (..., which) + (slice(None),) * (-axis - 1)


def across(d: Symbolic, after: int) -> Symbolic:
    """A vector with axes of size 1 after its own."""
    index: tuple[object, ...] = (slice(None), *(None,) * after)
    return d[index] if after else d


def joined(parts: Sequence[Symbolic], axis: int) -> Symbolic:
    """Arrays one after the other along an axis."""
    return parts[0].apply("np.concatenate", tuple(parts), axis)


# Cumulative sums.


def cumsum_transpose(by: Symbolic, y: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
    along: object = 0 if is_none(axis) else axis
    back = by.apply("np.flip", by.apply("np.cumsum", by.apply("np.flip", by, along), along), along)
    return back if keeps_shape(x, axis) else by.apply("np.reshape", back, x.shape)


def keeps_shape(x: Symbolic, axis: Symbolic) -> bool:
    """Whether what runs along the axis has the shape of x: else x is flattened, or a number that becomes a vector."""
    return is_vector(x) or not (is_none(axis) or shape_of_type(x.type) == ())


def is_vector(x: Symbolic) -> bool:
    shape = shape_of_type(x.type)
    return shape is not None and len(shape) == 1


linear("np.cumsum", {0: cumsum_transpose})
linear("np.cumsum(dtype)", {0: lambda by, y, x, axis, dtype: cumsum_transpose(by, y, x, axis)})
composite("np.nancumsum", lambda a, axis: a.apply("np.cumsum", np.where(np.isnan(a), 0.0, a), axis))
composite("np.nancumprod", lambda a, axis: a.apply("np.cumprod", np.where(np.isnan(a), 1.0, a), axis))


# Cumulative products.


def _before(x: Symbolic, axis: int, first: float) -> Symbolic:
    """x moved on by one place, with `first` in front."""
    start = x.apply("np.ones_like" if first else "np.zeros_like", part(x, axis, slice(None, 1)))
    return joined((start, part(x, axis, slice(None, -1))), axis)


def _after(x: Symbolic, axis: int) -> Symbolic:
    """x moved back by one place, with 0 at the end."""
    end = x.apply("np.zeros_like", part(x, axis, slice(None, 1)))
    return joined((part(x, axis, slice(1, None)), end), axis)


@jvp("np.cumprod")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, axis = operands
    d = tangents[0]
    if d is None:
        return None
    if not keeps_shape(x, axis):
        x, d = flat(x), flat(d)
    along = 0 if is_none(axis) else one_axis(axis)
    return y.apply("recurrence", x, _before(y, along, 1.0) * d, along)


@vjp("np.cumprod")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis = operands
    if not wanted[0]:
        return [None, None]
    along = 0 if is_none(axis) else one_axis(axis)
    row = x if keeps_shape(x, axis) else flat(x)
    bx = _before(y, along, 1.0) * y.apply("recurrence_back", row, by, along)
    return [bx if row is x else y.apply("np.reshape", bx, x.shape), None]


def flat(x: Symbolic) -> Symbolic:
    return x if is_vector(x) else x.apply("np.ravel", x)


composite(
    "np.cumprod(dtype)",
    lambda a, axis, dtype: a.apply("np.cumprod", a if is_none(dtype) else a.apply("astype", a, dtype), axis),
)


# s = recurrence(a, b) solves s[i] = a[i] s[i-1] + b[i]; recurrence_back is its transpose in b.


@jvp("recurrence")
def _(s: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    a, _b, axis = operands
    da, db = tangents[:2]
    moved = plus(None if da is None else da * _before(s, one_axis(axis), 0.0), db)
    return None if moved is None else s.apply("recurrence", a, moved, axis)


@vjp("recurrence")
def _(s: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, _b, axis = operands
    back = s.apply("recurrence_back", a, by, axis)
    return [back * _before(s, one_axis(axis), 0.0) if wanted[0] else None, back if wanted[1] else None, None]


@jvp("recurrence_back")
def _(s: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    a, _b, axis = operands
    da, db = tangents[:2]
    moved = plus(None if da is None else _after(da * s, one_axis(axis)), db)
    return None if moved is None else s.apply("recurrence_back", a, moved, axis)


@vjp("recurrence_back")
def _(s: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, _b, axis = operands
    forth = s.apply("recurrence", a, by, axis)
    return [_before(forth, one_axis(axis), 0.0) * s if wanted[0] else None, forth if wanted[1] else None, None]
