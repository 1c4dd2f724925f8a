"""Sorting, searching, counting, and choosing elements.

Out: `SELECTION`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x, i = Value(Array("float64", (Symbol("n"), 3))), Value(Array("int64", (5,)))
>>> print(SELECTION["np.sort"].infer(x, constant(0), constant(None)), SELECTION["np.take"].infer(x, i, constant(1)))
float64[n, 3] float64[n, 5]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import NONE, UNKNOWN, Array, List, Scalar, Tuple, Type
from srcdiff.primitives.inference import (
    InferenceError,
    Shape,
    array_or_scalar,
    broadcast_dimension,
    dtype_of_type,
    primitive,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, flag_of, normal_axes, reduced_axes


def _dtype(x: Value) -> str | None:
    """The dtype of an array of the elements of x; a number has none that is sure."""
    return dtype_of_type(x.type) if isinstance(x.type, Array) else None


def _ordered(name: str, result: str | None) -> Callable[..., Type]:
    """The type of what is rearranged along an axis; `result` is its dtype, None for that of the elements."""

    def infer(a: Value, *rest: Value) -> Type:
        axis = rest[1] if name.endswith("partition") else rest[0]
        require_numeric(name, a)
        shape, axes = shape_of_type(a.type), axis_of(axis)
        if axes is None:
            return Array(result or _dtype(a), shape if shape is not None and len(shape) == 1 else (None,))
        if shape is not None and axes is not UNKNOWN_AXIS:
            if name == "np.argsort" and reduced_axes(axes, len(shape)) == ():
                # Of a number too there is an order.
                return Array("int64", (1,))
            normal_axes(axes, len(shape))
        return Array(result or _dtype(a), shape)

    return infer


def _sort(a: Any, axis: Any, kind: Any) -> Any:
    return np.sort(a, axis, kind)


def _argsort(a: Any, axis: Any, kind: Any) -> Any:
    return np.argsort(a, axis, kind)


def _found(name: str) -> Callable[..., Type]:
    """The type of positions of the elements of x."""

    def infer(*operands: Value) -> Type:
        x = operands[0] if name == "np.digitize" else operands[1]
        require_numeric(name, *operands[:2])
        shape = shape_of_type(x.type)
        if shape is None:
            return Array("int64", None) if isinstance(x.type, Array) else UNKNOWN
        return array_or_scalar("int64", shape)

    return infer


def _unique(ar: Value, return_index: Value, return_inverse: Value, return_counts: Value) -> Type:
    require_numeric("np.unique", ar)
    flags = [flag_of(f, "what np.unique returns") for f in (return_index, return_inverse, return_counts)]
    if None in flags:
        raise InferenceError("what np.unique returns must be known when the program is compiled")
    shape = shape_of_type(ar.type)
    values = Array(_dtype(ar), (None,))
    # The inverse has the shape of the array from NumPy 2 on.
    inverse = Array("int64", shape if shape is not None and len(shape) == 1 else None)
    more = [t for t, f in zip((Array("int64", (None,)), inverse, Array("int64", (None,))), flags, strict=True) if f]
    return Tuple((values, *more)) if more else values


def _take_shape(a: Value, indices: Value, axis: Value) -> Shape | None:
    shape, chosen, axes = shape_of_type(a.type), shape_of_type(indices.type), axis_of(axis)
    if chosen is None:
        return None
    if axes is None:
        return chosen
    if shape is None or not isinstance(axes, int):
        return None
    (position,) = reduced_axes(axes, len(shape)) or (0,)
    return (*shape[:position], *chosen, *shape[position + 1 :])


def _take(a: Value, indices: Value, axis: Value) -> Type:
    require_numeric("np.take", a, indices)
    shape = _take_shape(a, indices, axis)
    if shape is None:
        return Array(_dtype(a), None) if isinstance(indices.type, Array | List | Tuple) else UNKNOWN
    return array_or_scalar(_dtype(a), shape)


def _take_along(arr: Value, indices: Value, axis: Value) -> Type:
    require_numeric("np.take_along_axis", arr, indices)
    shape, chosen, axes = shape_of_type(arr.type), shape_of_type(indices.type), axis_of(axis)
    if axes is None:
        return Array(_dtype(arr), chosen)
    if shape is None or chosen is None or not isinstance(axes, int):
        return Array(_dtype(arr), shape if shape is None else (None,) * len(shape))
    if len(shape) != len(chosen):
        raise InferenceError("np.take_along_axis needs as many axes in the indices as in the array")
    (position,) = normal_axes(axes, len(shape)) or (0,)
    pairs = enumerate(zip(shape, chosen, strict=True))
    return Array(_dtype(arr), tuple(d if i == position else broadcast_dimension(s, d) for i, (s, d) in pairs))


def _compress(condition: Value, a: Value, axis: Value) -> Type:
    require_numeric("np.compress", condition, a)
    shape, axes = shape_of_type(a.type), axis_of(axis)
    if axes is None:
        return Array(_dtype(a), (None,))
    if shape is None or not isinstance(axes, int):
        return Array(_dtype(a), None)
    (position,) = reduced_axes(axes, len(shape)) or (0,)
    return Array(_dtype(a), (*shape[:position], None, *shape[position + 1 :]))


def _extract(condition: Value, arr: Value) -> Type:
    require_numeric("np.extract", condition, arr)
    return Array(_dtype(arr), (None,))


def _bincount(x: Value, weights: Value, minlength: Value) -> Type:
    require_numeric("np.bincount", x)
    return Array("int64" if weights.type == NONE else "float64", (None,))


def _histogram(a: Value, bins: Value, range: Value) -> Type:
    require_numeric("np.histogram", a)
    require_numeric("np.histogram", bins)
    single = dtype_of_type(bins.type) == "float64" or (isinstance(bins.type, Scalar) and _dtype(a) == "float64")
    known = bins.value if isinstance(bins, Constant) and isinstance(bins.value, int) else None
    edges = Array("float64" if single else None, (None if known is None else known + 1,))
    return Tuple((Array("int64", (known,)), edges))


def _lexsort(keys: Value, axis: Value) -> Type:
    match keys.type:
        case Tuple(items) if items:
            return Array("int64", shape_of_type(items[0]))
        case Array(_, shape) if shape is not None:
            return Array("int64", shape[1:])
        case _:
            return Array("int64", None)


def _make(name: str, parameters: str, infer: Callable[..., Type], evaluate: Any = None, **more: Any) -> Primitive:
    return primitive(name, parameters, infer, evaluate or getattr(np, name.removeprefix("np.")), **more)


SELECTION: dict[str, Primitive] = {
    p.name: p
    for p in (
        _make("np.sort", "a axis kind", _ordered("np.sort", None), _sort, defaults=(-1, None)),
        _make("np.argsort", "a axis kind", _ordered("np.argsort", "int64"), _argsort, defaults=(-1, None)),
        _make("np.partition", "a kth axis", _ordered("np.partition", None), defaults=(-1,)),
        _make("np.argpartition", "a kth axis", _ordered("np.argpartition", "int64"), defaults=(-1,)),
        _make("np.searchsorted", "a v side sorter", _found("np.searchsorted"), defaults=("left", None)),
        _make("np.digitize", "x bins right", _found("np.digitize"), defaults=(False,)),
        _make("np.unique", "ar return_index return_inverse return_counts", _unique, defaults=(False, False, False)),
        _make("np.take", "a indices axis", _take, defaults=(None,)),
        _make("np.take_along_axis", "arr indices axis", _take_along),
        _make("np.compress", "condition a axis", _compress, defaults=(None,)),
        _make("np.extract", "condition arr", _extract),
        _make("np.bincount", "x weights minlength", _bincount, defaults=(None, 0)),
        _make("np.histogram", "a bins range", _histogram, defaults=(10, None), views=(1,)),
        _make("np.lexsort", "keys axis", _lexsort, defaults=(-1,)),
    )
}
