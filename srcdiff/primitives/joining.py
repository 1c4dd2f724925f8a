"""Joining arrays: `np.concatenate` and its kin, blocks, and arrays appended to arrays.

In: arrays in a tuple (whose items have types of their own), in a list (one type covers them), or as the rows of an
array. Out: `JOINING`, name -> primitive; `parts_of`.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol, Tuple
>>> parts = Value(Tuple((Array("float64", (2, Symbol("n"))), Array("float64", (3, Symbol("n"))))))
>>> print(JOINING["np.concatenate"].infer(parts, constant(0)), JOINING["np.concatenate"].infer(parts, constant(None)))
float64[5, n] float64[?]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import (
    UNKNOWN,
    Array,
    Dimension,
    List,
    Scalar,
    Tuple,
    Type,
    Unknown,
    join,
)
from srcdiff.primitives.inference import (
    InferenceError,
    Shape,
    ShapeError,
    add_dimensions,
    array_or_scalar,
    dtype_of_type,
    of_numbers,
    rank_of_type,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import axis_of, normal_axes
from srcdiff.primitives.shapes import total

Plan = dict[int, tuple[int | None, ...]]
"""How arrays of low rank are enlarged before they are joined: from a rank to the axes that come of it, each with the
number of the axis that it was, or None for a new one of size 1. Other ranks stay."""

LINES: Plan = {0: (None,)}
ROWS: Plan = {0: (None, None), 1: (None, 0)}
COLUMNS: Plan = {0: (None, None), 1: (0, None)}
LAYERS: Plan = {0: (None, None, None), 1: (None, 0, None), 2: (0, 1, None)}


def enlarged(shape: Shape, plan: Plan) -> Shape:
    """The shape of what a plan makes of an array of this shape."""
    return tuple(1 if a is None else shape[a] for a in plan.get(len(shape), range(len(shape))))


def parts_of(arrays: Value) -> tuple[Type | None, int | None]:
    """Of the operand of `np.concatenate`: the type that covers its items, and how many there are."""
    match arrays.type:
        case Tuple(items):
            result: Type = _as_array(items[0]) if items else UNKNOWN
            for item in items[1:]:
                result = _cover(result, _as_array(item))
            return result, len(items)
        case List(item):
            return None if item is None else _as_array(item), None
        case Array(dtype, shape) if shape:
            count = shape[0] if isinstance(shape[0], int) else None
            return array_or_scalar(dtype, shape[1:]), count
        case Array() | Unknown():
            return UNKNOWN, None
        case t:
            raise InferenceError(f"arrays to be joined come in a list or a tuple, not as {t}")


def _as_array(t: Type) -> Type:
    """A list or tuple of numbers as the array that NumPy makes of it."""
    return Array(dtype_of_type(t), shape_of_type(t)) if isinstance(t, List | Tuple) else t


def _cover(a: Type, b: Type) -> Type:
    """`join`, with promotion of the dtypes."""
    if isinstance(a, Array) and isinstance(b, Array) and a.dtype is not None and b.dtype is not None:
        dtype = str(np.result_type(a.dtype, b.dtype))
        return join(Array(dtype, a.shape), Array(dtype, b.shape))
    return join(a, b)


def _dtype_of(arrays: Value) -> str | None:
    """The dtype of what is joined. A number that is not a constant may be one of single precision."""
    if not isinstance(arrays.type, Tuple):
        item, _ = parts_of(arrays)
        return item.dtype if isinstance(item, Array) else None
    known = [dtype_of_type(t) for t in arrays.type.items]
    if not known or None in known:
        return None
    sure = [d for d, t in zip(known, arrays.type.items, strict=True) if not isinstance(t, Scalar)]
    common = str(np.result_type(*(d for d in known if d is not None)))
    return common if len(sure) == len(known) or common in sure else None


def joined_shape(arrays: Value, axis: int, plan: Plan = LINES) -> Shape | None:
    """The shape of the parts, each enlarged, side by side along `axis`; None where the ranks are not known."""
    if not isinstance(arrays.type, Tuple):
        item, count = parts_of(arrays)
        shape = None if item is None else shape_of_type(item)
        if shape is None:
            return None
        shape = enlarged(shape, plan)
        at = (normal_axes(axis, len(shape)) or (0,))[0]
        return tuple((count if d == 1 else None) if i == at else d for i, d in enumerate(shape))
    shapes = [shape_of_type(t) for t in arrays.type.items]
    if not shapes or None in shapes:
        return None
    return _side_by_side([enlarged(s, plan) for s in shapes if s is not None], axis)


def _side_by_side(shapes: Sequence[Shape], axis: int) -> Shape:
    at = (normal_axes(axis, len(shapes[0])) or (0,))[0]
    result: list[Dimension] = list(_common_shape(shapes, at))
    result[at] = 0
    for shape in shapes:
        result[at] = add_dimensions(result[at], shape[at])
    return tuple(result)


def _common_shape(shapes: Sequence[Shape], beside: int | None = None) -> Shape:
    """The shape that all of these are, but for the axis `beside`: one of them tells what the others must be."""
    if any(len(s) != len(shapes[0]) for s in shapes):
        raise ShapeError("arrays that are joined have the same number of dimensions")
    result: list[Dimension] = []
    for axis, dims in enumerate(zip(*shapes, strict=True)):
        known = [d for d in dims if d is not None]
        numbers = {d for d in known if isinstance(d, int)}
        if len(numbers) > 1 and axis != beside:
            raise ShapeError("arrays that are joined have the same shape beside the axis along which they are")
        result.append(numbers.pop() if numbers else known[0] if known else None)
    return tuple(result)


def _concatenate(arrays: Value, axis: Value) -> Type:
    along, dtype = axis_of(axis), _dtype_of(arrays)
    if along is None:
        return Array(dtype, (_count(arrays),))
    item, _ = parts_of(arrays)
    scalar = isinstance(item, Scalar)
    if isinstance(arrays.type, Tuple):
        scalar = any(isinstance(t, Scalar) for t in arrays.type.items)
    if scalar:
        raise ShapeError("numbers cannot be concatenated")
    if not isinstance(along, int):
        shape = joined_shape(arrays, 0)
        return Array(dtype, None if shape is None else (None,) * len(shape))
    return Array(dtype, joined_shape(arrays, along, {}))


def _count(arrays: Value) -> Dimension:
    """How many elements there are in all parts."""
    if not isinstance(arrays.type, Tuple):
        return None
    count: Dimension = 0
    for t in arrays.type.items:
        shape = shape_of_type(t)
        count = add_dimensions(count, None if shape is None else total(shape))
    return count


def _stack(arrays: Value, axis: Value) -> Type:
    item, count = parts_of(arrays)
    along = axis_of(axis)
    if item is None:
        return Array(None, None)
    shape, dtype = shape_of_type(item), _dtype_of(arrays)
    if isinstance(arrays.type, Tuple):
        shapes = [shape_of_type(t) for t in arrays.type.items]
        shape = None if None in shapes or not shapes else _common_shape([s for s in shapes if s is not None])
    if isinstance(arrays.type, Array):
        dtype = arrays.type.dtype
    if shape is None or not isinstance(along, int):
        return Array(dtype, None)
    at = (normal_axes(along, len(shape) + 1) or (0,))[0]
    return Array(dtype, (*shape[:at], count, *shape[at:]))


def _stacked(plan: Plan, axis: int) -> Callable[[Value], Type]:
    def infer(tup: Value) -> Type:
        return Array(_dtype_of(tup), joined_shape(tup, axis, plan))

    return infer


def _hstack(tup: Value) -> Type:
    first = tup.type.items[0] if isinstance(tup.type, Tuple) and tup.type.items else parts_of(tup)[0]
    shape = None if first is None else shape_of_type(first)
    if shape is None:
        return Array(_dtype_of(tup), None)
    return Array(_dtype_of(tup), joined_shape(tup, 0 if len(shape) <= 1 else 1))


def _append(arr: Value, values: Value, axis: Value) -> Type:
    require_numeric("np.append", arr, values)
    both = Value(Tuple((arr.type, values.type)))
    return _concatenate(both, axis)


def blocks_of(t: Type) -> tuple[tuple[Type, ...], ...] | None:
    """The rows of what `np.block` is given, where it is given one row or several; None for anything else."""
    if not isinstance(t, Tuple) or not t.items:
        return None
    nested = [isinstance(i, Tuple) for i in t.items]
    if not any(nested):
        return (t.items,) if all(isinstance(i, Scalar | Array) for i in t.items) else None
    if not all(nested):
        raise InferenceError("np.block takes a list of arrays, or a list of lists of arrays")
    grid = tuple(i.items for i in t.items if isinstance(i, Tuple))
    return grid if all(isinstance(i, Scalar | Array) for row in grid for i in row) else None


def _block(arrays: Value) -> Type:
    grid = blocks_of(arrays.type)
    if grid is None:
        return Array(None, None)
    ranks = [rank_of_type(t) for row in grid for t in row]
    flat = Value(Tuple(tuple(t for row in grid for t in row)))
    if None in ranks:
        return Array(_dtype_of(flat), None)
    nested = isinstance(arrays.type, Tuple) and isinstance(arrays.type.items[0], Tuple)
    rank = max(1 + nested, *(r for r in ranks if r is not None))
    whole = [
        _side_by_side([(1,) * (rank - len(s)) + s for t in row if (s := shape_of_type(t)) is not None], -1)
        for row in grid
    ]
    return Array(_dtype_of(flat), _side_by_side(whole, -2) if nested else whole[0])


def as_lists(x: Any) -> Any:
    """Tuples as the lists that `np.block` asks for."""
    return [as_lists(i) for i in x] if isinstance(x, list | tuple) else x


JOINING: dict[str, Primitive] = {
    p.name: p
    for p in (
        of_numbers("np.concatenate", "arrays axis", _concatenate, (0,)),
        of_numbers("np.stack", "arrays axis", _stack, (0,)),
        of_numbers("np.vstack", "tup", _stacked(ROWS, 0)),
        of_numbers("np.hstack", "tup", _hstack),
        of_numbers("np.dstack", "tup", _stacked(LAYERS, 2)),
        of_numbers("np.column_stack", "tup", _stacked(COLUMNS, 1)),
        of_numbers("np.append", "arr values axis", _append, (None,)),
        of_numbers("np.block", "arrays", _block, evaluate=lambda arrays: np.block(as_lists(arrays))),
    )
}

NUMPY_ALIASES = {"concat": "np.concatenate", "row_stack": "np.vstack"}
"""Further names, of which not every version of NumPy has each."""
