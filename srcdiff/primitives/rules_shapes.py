"""Derivatives of what makes and rearranges arrays: all linear, so the adjoint is the way back."""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Array, List, Scalar, Tuple, Unknown
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
    zeros_of,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of
from srcdiff.primitives.symbolic import Symbolic, np

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
    return by.apply("np.reshape", by, x.shape)


def unpack(by: Symbolic, x: Symbolic, y: Symbolic | None = None) -> Symbolic:
    """The array `by` taken apart into the lists and tuples that `x` is made of; `y` is the array that was made of x."""
    length = None if y is None or not isinstance(y.type, Array) or not y.type.shape else y.type.shape[0]
    match x.type:
        case Array():
            return by
        case Scalar():
            return back(by, x)
        case List(item) if isinstance(item, Scalar) and isinstance(length, int):
            return by.apply("make_list", *(by[i] for i in range(length)))
        case List(item) if isinstance(item, Scalar):
            return by.apply("list", by)
        case Tuple(items) if all(isinstance(t, Scalar) for t in items):
            return by.apply("make_tuple", *(by[i] for i in range(len(items))))
        case _:
            return by.apply("unpack", by, x)


# Makers.

linear("np.full", {1: lambda by, y, shape, value, dtype: fit(by, value)})
linear("np.full_like", {1: lambda by, y, a, value, dtype: fit(by, value)})
linear("np.array", {0: lambda by, y, x, dtype: unpack(by, x, y)})
linear("np.asarray", {0: lambda by, y, x, dtype: unpack(by, x, y)})
linear("unpack", {0: lambda by, y, g, x: by.apply("np.array", by)})
linear("astype", {0: lambda by, y, x, dtype: by})
linear("item", {0: lambda by, y, x: spread(by, x)})
linear("tolist", {0: lambda by, y, x: back(by.apply("np.array", by), x)})


def _ramp(by: Symbolic, num: Symbolic, endpoint: Symbolic) -> Symbolic:
    return by.apply("np.linspace", 0.0, 1.0, num, endpoint)


def _numbers_only(*operands: Symbolic) -> None:
    if any(isinstance(o.type, Array) for o in operands):
        raise NoRule("np.linspace between arrays has no rule: write start + (stop - start) * t")


def _linspace_start(by: Symbolic, y: Symbolic, start: Symbolic, stop: Symbolic, n: Symbolic, end: Symbolic) -> Symbolic:
    _numbers_only(start, stop)
    return (by * (1.0 - _ramp(by, n, end))).sum()


def _linspace_stop(by: Symbolic, y: Symbolic, start: Symbolic, stop: Symbolic, n: Symbolic, end: Symbolic) -> Symbolic:
    _numbers_only(start, stop)
    return (by * _ramp(by, n, end)).sum()


linear("np.linspace", {0: _linspace_start, 1: _linspace_stop})


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
linear("np.swapaxes", {0: lambda by, y, x, a, b: by.apply("np.swapaxes", by, a, b)})
linear("np.moveaxis", {0: lambda by, y, x, a, b: by.apply("np.moveaxis", by, b, a)})
linear("np.broadcast_to", {0: lambda by, y, x, shape: fit(by, x)})
linear("unbroadcast", {0: lambda by, y, g, x: spread(_without_lead(by, g), g)})
linear("np.tril", {0: lambda by, y, x, k: by.apply("np.tril", by, k)})
linear("np.triu", {0: lambda by, y, x, k: by.apply("np.triu", by, k)})
linear("np.flip", {0: lambda by, y, x, axis: by.apply("np.flip", by, axis)})
linear("np.roll", {0: lambda by, y, x, shift, axis: by.apply("np.roll", by, _negated(shift), axis)})


def _without_lead(by: Symbolic, g: Symbolic) -> Symbolic:
    """`by` without leading axes of size 1 that `g` is known not to have."""
    if isinstance(by.type, Array) and isinstance(g.type, Array) and by.type.rank and g.type.rank is not None:
        return by.apply("unbroadcast", by, g) if by.type.rank > g.type.rank else by
    return by


def _negated(shift: Symbolic) -> Symbolic | int:
    known = constant_of(shift)
    if isinstance(known, int):
        return -known
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


linear("np.transpose", {0: _transpose_back})
linear("np.expand_dims", {0: _expand_dims_back})


# Joining.


def as_parts(pieces: Symbolic, parts: Symbolic) -> Symbolic:
    """A list of adjoints, as a tuple where the parts came in a tuple."""
    match parts.type:
        case Tuple(items):
            return pieces.apply("make_tuple", *(pieces[i] for i in range(len(items))))
        case _:
            return pieces


def split(by: Symbolic, parts: Symbolic, axis: object) -> Symbolic:
    if isinstance(parts.type, Array):
        raise NoRule("an array in the place of a list of arrays: write np.reshape")
    return as_parts(by.apply("split_like", by, parts, axis), parts)


def _concatenate_back(by: Symbolic, y: Symbolic, parts: Symbolic, axis: Symbolic) -> Symbolic:
    return split(by, parts, 0 if is_none(axis) else axis)


def _lines_back(by: Symbolic, parts: Symbolic, axis: int) -> Symbolic:
    """The way back from rows or columns, which vectors were made into."""
    if part_rank(parts) == 1 and not isinstance(parts.type, Array):
        return _unstack(by, by, parts, by.constant(axis))
    return split(by, parts, axis)


def _unstack(by: Symbolic, y: Symbolic, parts: Symbolic, axis: Symbolic) -> Symbolic:
    front = by if constant_of(axis) == 0 else by.apply("np.moveaxis", by, axis, 0)
    match parts.type:
        case Tuple(items):
            return by.apply("make_tuple", *(front[i] for i in range(len(items))))
        case Array():
            return front
        case List():
            return by.apply("list", front)
        case _:
            raise NoRule("the arrays must be known to come in a list or a tuple")


def part_rank(parts: Symbolic) -> int | None:
    """The rank that all the parts have, where it is known."""
    items = parts.type.items if isinstance(parts.type, Tuple) else ()
    if isinstance(parts.type, List):
        items = () if parts.type.item is None else (parts.type.item,)
    ranks = {None if (shape := shape_of_type(t)) is None else len(shape) for t in items}
    return ranks.pop() if len(ranks) == 1 else None


def _hstack_back(by: Symbolic, y: Symbolic, parts: Symbolic) -> Symbolic:
    rank = part_rank(parts)
    if rank is None:
        raise NoRule("the ranks of the arrays must be known: annotate them, or write np.concatenate with an axis")
    return split(by, parts, 0 if rank <= 1 else 1)


linear("np.concatenate", {0: _concatenate_back})
linear("np.stack", {0: _unstack})
linear("np.vstack", {0: lambda by, y, parts: _lines_back(by, parts, 0)})
linear("np.hstack", {0: _hstack_back})
linear("np.column_stack", {0: lambda by, y, parts: _lines_back(by, parts, 1)})


def _split_back(by: Symbolic, y: Symbolic, g: Symbolic, parts: Symbolic, axis: Symbolic) -> Symbolic:
    rank, shape = part_rank(parts), shape_of_type(g.type)
    if shape is not None and len(shape) == 1:
        return by.apply("np.concatenate", by, None)
    if rank is None or shape is None or rank != len(shape):
        raise NoRule("second derivatives of joined arrays need them to be known to have the same rank")
    return by.apply("np.concatenate", by, axis)


linear("split_like", {0: _split_back})


# Diagonals.


def _diagonal_index(by: Symbolic, x: Symbolic, offset: Symbolic) -> tuple[Symbolic, Symbolic]:
    """The row and the column numbers of the diagonal of `x` (its first two axes)."""
    known = constant_of(offset)
    if not isinstance(known, int):
        raise NoRule("the offset of a diagonal must be a constant")
    rows, columns = x.shape[0], x.shape[1]
    if known > 0:
        columns = columns - known
    elif known < 0:
        rows = rows + known
    i = by.apply("np.arange", by.apply("min", rows, columns))
    return (i - known if known < 0 else i), (i + known if known > 0 else i)


def _is_square(x: Symbolic) -> bool:
    shape = shape_of_type(x.type)
    return shape is not None and len(shape) == 2 and shape[0] is not None and shape[0] == shape[1]


def _diagonal_back(by: Symbolic, y: Symbolic, x: Symbolic, offset: Symbolic) -> Symbolic:
    if _is_square(x):
        return by.apply("np.diag", by, offset)
    shape = shape_of_type(x.type)
    front = by if shape is not None and len(shape) == 2 else by.apply("np.moveaxis", by, -1, 0)
    return by.apply("index_set", zeros_of(x), _diagonal_index(by, x, offset), front)


def _trace_back(by: Symbolic, y: Symbolic, x: Symbolic, offset: Symbolic) -> Symbolic:
    shape = shape_of_type(x.type)
    if shape is not None and len(shape) == 2:
        columns = x.constant(None) if _is_square(x) else x.shape[1]
        return by * by.apply("np.eye", x.shape[0], columns, offset)
    return by.apply("index_set", zeros_of(x), _diagonal_index(by, x, offset), by)


def _diag_back(by: Symbolic, y: Symbolic, x: Symbolic, k: Symbolic) -> Symbolic:
    shape = shape_of_type(x.type)
    if shape is None:
        raise NoRule("the rank of its operand must be known (it makes a matrix or takes a diagonal): annotate it")
    return by.apply("np.diag", by, k) if len(shape) == 1 else _diagonal_back(by, y, x, k)


linear("np.diag", {0: _diag_back})
linear("np.diagonal", {0: _diagonal_back})
linear("np.trace", {0: _trace_back})


# Repetition.


def _repeat_back(by: Symbolic, y: Symbolic, x: Symbolic, repeats: Symbolic, axis: Symbolic) -> Symbolic:
    if is_none(axis):
        flat = zeros_of(x.apply("np.ravel", x))
        index = by.apply("np.repeat", by.apply("np.arange", x.apply("size", x)), repeats)
        return back(by.apply("index_add", flat, index, by), x)
    front = by.apply("np.moveaxis", zeros_of(x), axis, 0)
    index = by.apply("np.repeat", by.apply("np.arange", front.shape[0]), repeats)
    added = by.apply("index_add", front, index, by.apply("np.moveaxis", by, axis, 0))
    return by.apply("np.moveaxis", added, 0, axis)


def _tile_back(by: Symbolic, y: Symbolic, x: Symbolic, reps: Symbolic) -> Symbolic:
    shape = shape_of_type(x.type)
    if shape is None or not isinstance(reps.type, Scalar | Tuple):
        raise NoRule("the rank of the array and the number of repetitions must be known: annotate the array")
    factors: list[object] = [reps]
    if isinstance(reps.type, Tuple):
        factors = [reps[i] for i in range(len(reps.type.items))]
    dims: list[object] = [x.shape[i] for i in range(len(shape))]
    rank = max(len(dims), len(factors))
    dims = [1] * (rank - len(dims)) + dims
    factors = [1] * (rank - len(factors)) + factors
    pairs = tuple(item for pair in zip(factors, dims, strict=True) for item in pair)
    summed = np.sum(by.apply("np.reshape", by, pairs), axis=tuple(range(0, 2 * rank, 2)))
    return back(summed, x) if rank > len(shape) else summed


linear("np.repeat", {0: _repeat_back})
linear("np.tile", {0: _tile_back})
