"""Derivatives of repetition, padding, and of elements put in and taken out: what was repeated is summed."""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.core import Constant
from srcdiff.ir.types import Array, Scalar, Tuple
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    fit,
    is_none,
    jvp,
    linear,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import axis_of
from srcdiff.primitives.repetition import pad_paths
from srcdiff.primitives.rules_joining import Length, added, along, cut, display, length
from srcdiff.primitives.rules_shapes import back
from srcdiff.primitives.symbolic import Symbolic


def _ravel(x: Symbolic) -> Symbolic:
    shape = shape_of_type(x.type)
    return x if shape is not None and len(shape) == 1 else x.apply("np.ravel", x)


def _count(x: Symbolic) -> Length:
    """The number of elements."""
    shape = shape_of_type(x.type)
    return length(x, 0) if shape is not None and len(shape) == 1 else x.apply("size", x)


def _repeat_back(by: Symbolic, y: Symbolic, x: Symbolic, repeats: Symbolic, axis: Symbolic) -> Symbolic:
    shape, at = shape_of_type(x.type), axis_of(axis.value)
    if isinstance(repeats.type, Scalar) and shape is not None and (at is None or isinstance(at, int)):
        dims: list[object] = [x.shape[i] if d is None or not isinstance(d, int) else d for i, d in enumerate(shape)]
        place = len(dims) if not isinstance(at, int) else at % max(len(dims), 1) + 1
        dims.insert(place, repeats)
        if len(dims) == 2 and place == 1:
            dims[0] = -1 if constant_of(repeats) else dims[0]
        whole = by.apply("np.reshape", by, tuple(dims))
        return whole.sum(axis=-1 if place == len(dims) - 1 else place) if shape else by.sum()
    if is_none(axis):
        flat = zeros_of(_ravel(x))
        index = by.apply("np.repeat", by.apply("np.arange", _count(x)), repeats)
        return back(by.apply("index_add", flat, index, by), x)
    zeros = zeros_of(x)
    if isinstance(at, int):
        index = by.apply("np.repeat", by.apply("np.arange", length(x, at)), repeats)
        return by.apply("index_add", zeros, along(at, index), by)
    front = by.apply("np.moveaxis", zeros, axis, 0)
    index = by.apply("np.repeat", by.apply("np.arange", front.shape[0]), repeats)
    added_up = by.apply("index_add", front, index, by.apply("np.moveaxis", by, axis, 0))
    return by.apply("np.moveaxis", added_up, 0, axis)


def _tile_back(by: Symbolic, y: Symbolic, x: Symbolic, reps: Symbolic) -> Symbolic:
    shape = shape_of_type(x.type)
    if shape is None or not isinstance(reps.type, Scalar | Tuple):
        raise NoRule("the rank of the array and the number of repetitions must be known: annotate the array")
    factors: list[object] = [reps]
    if isinstance(reps.type, Tuple):
        factors = [reps[i] for i in range(len(reps.type.items))]
    factors = [f if known is None else known for f in factors for known in [_number(f)]]
    dims: list[object] = [d if isinstance(d, int) else x.shape[i] for i, d in enumerate(shape)]
    rank = max(len(dims), len(factors))
    dims = [1] * (rank - len(dims)) + dims
    factors = [1] * (rank - len(factors)) + factors
    split: list[object] = []
    axes: list[int] = []
    for position, (factor, dim) in enumerate(zip(factors, dims, strict=True)):
        lead = position < rank - len(shape)
        if not (isinstance(factor, int) and factor == 1):
            axes.append(len(split))
            split.append(factor)
        if not lead:
            split.append(dim)
        elif isinstance(factor, int) and factor == 1:
            # A new axis of size 1.
            axes.append(len(split))
            split.append(1)
    if not axes:
        return by
    axis = axes[0] if len(axes) == 1 else tuple(axes)
    return by.apply("np.reshape", by, tuple(split)).sum(axis=axis)


def _number(x: object) -> int | None:
    """An integer that the types tell."""
    if not isinstance(x, Symbolic):
        return None
    known = constant_of(x)
    if isinstance(known, int):
        return known
    dimension = getattr(x.type, "dimension", None)
    return dimension if isinstance(dimension, int) else None


def _resize_back(by: Symbolic, y: Symbolic, x: Symbolic, shape: Symbolic) -> Symbolic:
    index = by.apply("np.resize", by.apply("np.arange", _count(x)), shape)
    return back(by.apply("index_add", zeros_of(_ravel(x)), index, by), x)


linear("np.repeat", {0: _repeat_back})
linear("np.tile", {0: _tile_back})
linear("np.resize", {0: _resize_back})


# Padding.


_GATHERING = ("edge", "reflect", "symmetric", "wrap")
"""The modes of which every element is one of the array."""


def _widths(x: Symbolic, pad_width: Symbolic) -> list[tuple[Length, Length]]:
    """The widths before and after each axis."""
    shape = shape_of_type(x.type)
    if shape is None:
        raise NoRule("the rank of the array must be known: annotate it")
    paths = pad_paths(pad_width.type, len(shape))
    if paths is None:
        raise NoRule("the widths must be an integer, a pair, or a tuple of pairs")

    def at(path: tuple[int, ...]) -> Length:
        width = pad_width
        for i in path:
            width = width[i]
        known = _number(width)
        return width if known is None else known

    return [(at(before), at(after)) for before, after in paths]


def _inner(x: Symbolic, widths: Sequence[tuple[Length, Length]]) -> object:
    """The index of the array in what was made of it by padding."""
    index: list[object] = []
    for axis, (before, after) in enumerate(widths):
        start = None if isinstance(before, int) and before == 0 else before
        stop: object = None
        if not isinstance(after, int):
            stop = added(before, length(x, axis))
        elif after > 0:
            stop = -after
        index.append(slice(start, stop))
    while len(index) > 1 and index[-1] == slice(None):
        index.pop()
    return tuple(index) if len(index) > 1 else index[0]


def _mode(mode: Symbolic) -> str:
    known = constant_of(mode)
    if known != "constant" and known not in _GATHERING:
        raise NoRule(
            f"mode={known!r} has none: the modes constant, edge, reflect, symmetric and wrap have"
            if isinstance(known, str)
            else "the mode must be a constant"
        )
    return str(known)


def _pad_back(by: Symbolic, x: Symbolic, pad_width: Symbolic, mode: Symbolic) -> Symbolic:
    if isinstance(x.type, Scalar):
        return by.sum()
    known, widths = _mode(mode), _widths(x, pad_width)
    if not widths:
        return by
    if known == "constant":
        return by[_inner(x, widths)]
    places: list[object] = []
    moved = [i for i, (b, a) in enumerate(widths) if not (b == 0 and a == 0 and isinstance(b, int))]
    if not moved:
        return by
    for axis in range(len(widths)):
        if axis not in moved and (len(moved) == 1 or axis < moved[0] or axis > moved[-1]):
            places.append(slice(None))
            continue
        numbers = by.apply("np.arange", length(x, axis))
        before, after = widths[axis]
        place = numbers if axis not in moved else by.apply("np.pad", numbers, (before, after), known)
        behind = moved[-1] - axis
        expanded = (slice(None), *(None,) * behind)
        places.append(place[expanded] if behind else place)
    while len(places) > 1 and isinstance(places[-1], slice):
        places.pop()
    index = tuple(places) if len(places) > 1 else places[0]
    return by.apply("index_add", zeros_of(x), index, by)


@jvp("np.pad")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (x, pad_width, mode, _), (dx, _, _, dfilling) = operands, tangents
    known = _mode(mode)
    if known != "constant":
        return None if dx is None else y.apply("np.pad", dx, pad_width, known)
    if dx is None and dfilling is None:
        return None
    dx = zeros_of(x) if dx is None else dx
    return y.apply("np.pad", dx, pad_width, known, 0 if dfilling is None else dfilling)


@vjp("np.pad")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, pad_width, mode, filling = operands
    bx = _pad_back(by, x, pad_width, mode) if wanted[0] else None
    if not wanted[3] or _mode(mode) != "constant":
        return [bx, None, None, None]
    return [bx, None, None, _border_back(by, x, pad_width, filling)]


def _border_back(by: Symbolic, x: Symbolic, pad_width: Symbolic, filling: Symbolic) -> Symbolic:
    """The adjoint of what stands around the array: one number, or one before it and one behind it."""

    def total(values: object) -> Symbolic:
        border = by.apply("np.pad", zeros_of(x), pad_width, "constant", values)
        return by.apply("np.where", border > 0.0, by, 0.0).sum()

    match filling.type:
        case Scalar():
            return total(1.0)
        case Array(_, (2,)):
            return by.apply("np.array", display(by, total((1.0, 0.0)), total((0.0, 1.0))))
        case _:
            raise NoRule("its constant_values must be a number or a pair of numbers: write np.concatenate")


# Elements put in and taken out.


def _delete_back(by: Symbolic, y: Symbolic, x: Symbolic, obj: Symbolic, axis: Symbolic) -> Symbolic:
    at = axis_of(axis.value)
    if at is None:
        flat = zeros_of(_ravel(x))
        kept = by.apply("np.delete", by.apply("np.arange", _count(x)), obj)
        return back(by.apply("index_set", flat, kept, by), x)
    if not isinstance(at, int):
        raise NoRule("the axis must be a constant")
    kept = by.apply("np.delete", by.apply("np.arange", length(x, at)), obj)
    return by.apply("index_set", zeros_of(x), along(at, kept), by)


linear("np.delete", {0: _delete_back})


@jvp("np.insert")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (x, obj, values, axis), (dx, _, dvalues, _) = operands, tangents
    if dx is None and dvalues is None:
        return None
    more = zeros_of(values) if dvalues is None else dvalues
    return y.apply("np.insert", zeros_of(x) if dx is None else dx, obj, more, axis)


@vjp("np.insert")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, obj, values, axis = operands
    shape, at = shape_of_type(x.type), axis_of(axis.value)
    if at is None:
        at, rows = 0, x if shape is not None and len(shape) == 1 else _ravel(x)
    elif isinstance(at, int):
        rows = x
    else:
        raise NoRule("the axis must be a constant")
    if not isinstance(obj.type, Scalar):
        if wanted[2] and not isinstance(values.value, Constant):
            raise NoRule("values at several positions have none: write np.concatenate")
        own = by.apply("np.insert", by.apply("np.zeros", length(rows, at)), obj, 1.0) == 0.0
        kept = by[along(at, own)]
        return [kept if rows is x else back(kept, x), None, None, None]
    position = constant_of(obj)
    start: Length = position if isinstance(position, int) else obj
    if not isinstance(start, int):
        raise NoRule("the position must be a constant")
    if start < 0:
        start = length(rows, at) + start
    more = by.shape[at] - length(rows, at)
    stop = added(start, 1 if isinstance(values.type, Scalar) else more)
    bx: Symbolic | None = None
    bvalues: Symbolic | None = None
    if wanted[0]:
        sides = [cut(by, at, 0, start), cut(by, at, stop, None)]
        bx = by.apply("np.concatenate", display(by, *sides), at)
        bx = bx if rows is x else back(bx, x)
    if wanted[2]:
        line = isinstance(y.type, Array) and y.type.rank == 1
        one = line and isinstance(values.type, Scalar)
        bvalues = by[start] if one else _inserted(cut(by, at, start, stop), values, at)
    return [bx, None, bvalues, None]


def _inserted(by: Symbolic, values: Symbolic, axis: int) -> Symbolic:
    """The adjoint of what was put in, in whose first axis the places stand."""
    shape = shape_of_type(by.type)
    if shape is None:
        raise NoRule("the rank of the array must be known: annotate it")
    if axis % len(shape):
        by = by.apply("np.moveaxis", by, axis, 0)
    return by.sum() if isinstance(values.type, Scalar) else fit(by, values)
