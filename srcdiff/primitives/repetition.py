"""Arrays made larger or smaller: repeated, tiled, padded, with elements put in or taken out.

Out: `REPETITION`, name -> primitive; `pad_paths`, where the widths of `np.pad` stand in its operand.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> print(REPETITION["np.pad"].infer(x, constant(1), constant("edge"), constant(0)))
float64[n+2, 5]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import Array, Dimension, Scalar, Tuple, Type
from srcdiff.primitives.inference import (
    InferenceError,
    ShapeError,
    add_dimensions,
    dimension_of,
    dtype_of_type,
    item_dimension,
    of_numbers,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import axis_of, normal_axes, reduced_axes, shape_operand
from srcdiff.primitives.shapes import dtype_as_array, total


def _repeat(a: Value, repeats: Value, axis: Value) -> Type:
    shape, along = shape_of_type(a.type), axis_of(axis)
    if along is None:
        count = None if shape is None else total(shape)
        return Array(dtype_as_array(a), (_times(count, dimension_of(repeats)),))
    if shape is None or not isinstance(along, int):
        return Array(dtype_of_type(a.type), None)
    at = (reduced_axes(along, len(shape)) or (0,))[0]
    shape = shape or (1,)
    return Array(dtype_as_array(a), (*shape[:at], _times(shape[at], dimension_of(repeats)), *shape[at + 1 :]))


def _times(a: Dimension, b: Dimension) -> Dimension:
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return b if a == 1 else a if b == 1 else None


def _tile(a: Value, reps: Value) -> Type:
    shape, dims = shape_of_type(a.type), shape_operand(reps)
    if shape is None or dims is None:
        return Array(dtype_as_array(a), None)
    rank = max(len(shape), len(dims))
    old: Sequence[Dimension] = (1,) * (rank - len(shape)) + shape
    factors: Sequence[Dimension] = (1,) * (rank - len(dims)) + dims
    return Array(dtype_as_array(a), tuple(_times(d, f) for d, f in zip(old, factors, strict=True)))


def _resize(a: Value, new_shape: Value) -> Type:
    return Array(dtype_as_array(a), shape_operand(new_shape))


# Padding.


def pad_paths(widths: Type, rank: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]] | None:
    """Where the widths before and after each axis stand in the operand: the indices that lead to them; None where the
    operand is neither a number, nor a pair, nor a tuple of pairs."""
    if isinstance(widths, Scalar):
        return [((), ())] * rank
    if not isinstance(widths, Tuple) or not widths.items:
        return None
    if all(isinstance(t, Scalar) for t in widths.items):
        if len(widths.items) > 2:
            raise InferenceError("the widths of np.pad are a number, a pair, or a pair for each axis")
        return [((0,), (len(widths.items) - 1,))] * rank
    if len(widths.items) not in (1, rank):
        raise ShapeError(f"{len(widths.items)} pairs of widths for {rank} axes")
    paths: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for axis in range(rank):
        row = axis if len(widths.items) > 1 else 0
        pair = widths.items[row]
        if not isinstance(pair, Tuple) or len(pair.items) not in (1, 2):
            return None
        paths.append(((row, 0), (row, len(pair.items) - 1)))
    return paths


def _width(widths: Value, path: tuple[int, ...]) -> Dimension:
    t = widths.type
    for i in path:
        assert isinstance(t, Tuple)
        t = t.items[i]
    return dimension_of(widths) if not path else item_dimension(t)


def _pad(array: Value, pad_width: Value, mode: Value, constant_values: Value) -> Type:
    shape = shape_of_type(array.type)
    if shape is None:
        return Array(dtype_of_type(array.type), None)
    paths = pad_paths(pad_width.type, len(shape))
    if paths is None:
        return Array(dtype_as_array(array), (None,) * len(shape))
    return Array(
        dtype_as_array(array),
        tuple(
            add_dimensions(add_dimensions(d, _width(pad_width, before)), _width(pad_width, after))
            for d, (before, after) in zip(shape, paths, strict=True)
        ),
    )


def _pad_evaluate(array: Any, pad_width: Any, mode: Any, constant_values: Any) -> Any:
    if mode == "constant":
        return np.pad(array, pad_width, mode, constant_values=constant_values)
    return np.pad(array, pad_width, mode)


# Elements put in and taken out.


def _changed(arr: Value, axis: Value, change: int | None) -> Type:
    """The type of an array that is longer by `change` along an axis."""
    shape, along = shape_of_type(arr.type), axis_of(axis)
    dtype = dtype_as_array(arr)
    if along is None:
        count = None if shape is None else total(shape)
        return Array(dtype, (None if change is None else add_dimensions(count, change),))
    if shape is None or not isinstance(along, int):
        return Array(dtype, None if shape is None else (None,) * len(shape))
    at = (normal_axes(along, len(shape)) or (0,))[0]
    length = None if change is None else add_dimensions(shape[at], change)
    return Array(dtype, (*shape[:at], length, *shape[at + 1 :]))


def _delete(arr: Value, obj: Value, axis: Value) -> Type:
    return _changed(arr, axis, -1 if isinstance(obj.type, Scalar) and obj.type.kind == "int" else None)


def _insert(arr: Value, obj: Value, values: Value, axis: Value) -> Type:
    require_numeric("np.insert", values)
    one = isinstance(obj.type, Scalar) and isinstance(values.type, Scalar)
    return _changed(arr, axis, 1 if one else None)


REPETITION: dict[str, Primitive] = {
    p.name: p
    for p in (
        of_numbers("np.repeat", "a repeats axis", _repeat, (None,)),
        of_numbers("np.tile", "A reps", _tile),
        of_numbers("np.resize", "a new_shape", _resize),
        of_numbers("np.pad", "array pad_width mode constant_values", _pad, ("constant", 0), _pad_evaluate),
        of_numbers("np.delete", "arr obj axis", _delete, (None,)),
        of_numbers("np.insert", "arr obj values axis", _insert, (None,)),
    )
}
