"""Rearranging arrays: reshape, transposes, joining, diagonals.

Out: `SHAPES`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> print(SHAPES["T"].infer(x), SHAPES["np.expand_dims"].infer(x, constant(1)))
float64[3, n] float64[n, 1, 3]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import (
    UNKNOWN,
    Array,
    Dimension,
    List,
    Scalar,
    Symbol,
    Tuple,
    Type,
    Unknown,
    is_exact,
    join,
)
from srcdiff.primitives.inference import (
    InferenceError,
    Shape,
    ShapeError,
    add_dimensions,
    array_or_scalar,
    dimension_of,
    dtype_of_type,
    primitive,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, normal_axes, shape_operand


def _numeric(name: str, rule: Callable[..., Type]) -> Callable[..., Type]:
    def infer(x: Value, *rest: Value) -> Type:
        require_numeric(name, x)
        return rule(x, *rest)

    return infer


def _of(x: Value, shape: Shape | None) -> Type:
    """Elements of x in another shape: an array even where x may be a number, if the rank is not 0."""
    if shape is None and not isinstance(x.type, Array | List | Tuple):
        return UNKNOWN
    return Array(dtype_of_type(x.type) if isinstance(x.type, Array) else None, shape)


def total(shape: Shape) -> Dimension:
    """The number of elements of an array of this shape, where it is a constant or one symbol."""
    if not is_exact(shape):
        return None
    constant = math.prod(d for d in shape if isinstance(d, int))
    symbols = [d for d in shape if isinstance(d, Symbol)]
    if not symbols:
        return constant
    return symbols[0] if len(symbols) == 1 and constant == 1 else None


def _reshape(x: Value, shape: Value) -> Type:
    dims = shape_operand(shape)
    if dims is None:
        return Array(dtype_of_type(x.type) if isinstance(x.type, Array) else None, None)
    # A size that is not a constant may be -1 as well, but then it is not `Size`, and unknown.
    if -1 in dims:
        old = shape_of_type(x.type)
        rest = math.prod(d for d in dims if isinstance(d, int) and d != -1)
        others = all(isinstance(d, int) for d in dims)
        count = total(old) if old is not None else None
        filler: Dimension = None
        if others and count is not None:
            filler = count // rest if isinstance(count, int) and rest else count if rest == 1 else None
        elif old is not None and is_exact(old):
            filler = _remaining(old, tuple(d for d in dims if d != -1))
        dims = tuple(filler if d == -1 else d for d in dims)
    return _of(x, dims)


def _remaining(old: Shape, taken: Shape) -> Dimension:
    """What -1 stands for where the other dimensions are dimensions of the old shape."""
    left = list(old)
    for d in taken:
        if d not in left:
            return None
        left.remove(d)
    return total(tuple(left))


def _ravel(x: Value) -> Type:
    shape = shape_of_type(x.type)
    count = None if shape is None else total(shape)
    return Array(dtype_of_type(x.type) if isinstance(x.type, Array) else None, (count,))


def _transpose(x: Value, axes: Value) -> Type:
    shape = shape_of_type(x.type)
    if shape is None:
        return _of(x, None)
    order = axis_of(axes)
    if order is None:
        return _of(x, shape[::-1])
    if not isinstance(order, tuple):
        return _of(x, None) if order is UNKNOWN_AXIS else x.type
    positions = normal_axes(order, len(shape))
    if positions is None or len(positions) != len(shape):
        raise ShapeError("the axes do not match the array")
    return _of(x, tuple(shape[a] for a in order))


def _swapaxes(x: Value, axis1: Value, axis2: Value) -> Type:
    shape, a, b = shape_of_type(x.type), axis_of(axis1), axis_of(axis2)
    if shape is None or not isinstance(a, int) or not isinstance(b, int):
        return _of(x, None if shape is None else (None,) * len(shape))
    normal_axes(a, len(shape))
    normal_axes(b, len(shape))
    dims = list(shape)
    dims[a], dims[b] = dims[b], dims[a]
    return _of(x, tuple(dims))


def _moveaxis(x: Value, source: Value, destination: Value) -> Type:
    shape, a, b = shape_of_type(x.type), axis_of(source), axis_of(destination)
    if shape is None or not isinstance(a, int) or not isinstance(b, int):
        return _of(x, None if shape is None else (None,) * len(shape))
    normal_axes(a, len(shape))
    normal_axes(b, len(shape))
    dims = list(shape)
    dims.insert(b % len(shape), dims.pop(a))
    return _of(x, tuple(dims))


def _squeeze(x: Value, axis: Value) -> Type:
    shape, axes = shape_of_type(x.type), axis_of(axis)
    if shape is None or axes is UNKNOWN_AXIS:
        return UNKNOWN
    if axes is None:
        # What is not known to differ from 1 may go.
        certain = all(isinstance(d, int) for d in shape)
        return _of(x, tuple(d for d in shape if d != 1)) if certain else UNKNOWN
    gone = normal_axes(axes, len(shape)) or ()
    return _of(x, tuple(d for i, d in enumerate(shape) if i not in gone))


def _expand_dims(x: Value, axis: Value) -> Type:
    shape, axes = shape_of_type(x.type), axis_of(axis)
    if shape is None or axes is UNKNOWN_AXIS or axes is None:
        return Array(dtype_of_type(x.type) if isinstance(x.type, Array) else None, None)
    count = len(axes) if isinstance(axes, tuple) else 1
    new = normal_axes(axes, len(shape) + count) or ()
    dims = iter(shape)
    return _of(x, tuple(1 if i in new else next(dims) for i in range(len(shape) + count)))


def _broadcast_to(x: Value, shape: Value) -> Type:
    dims = shape_operand(shape)
    return (
        _of(x, dims) if dims is not None else Array(dtype_of_type(x.type) if isinstance(x.type, Array) else None, None)
    )


def _atleast(rank: int) -> Callable[[Value], Type]:
    def infer(x: Value) -> Type:
        shape = shape_of_type(x.type)
        if shape is None:
            return Array(None, None)
        return _of(x, (1,) * (rank - len(shape)) + shape)

    return infer


def parts_of(arrays: Value) -> tuple[Type | None, int | None]:
    """Of the operand of `np.concatenate`: the type that covers its items, and how many there are."""
    match arrays.type:
        case Tuple(items):
            result: Type = items[0] if items else UNKNOWN
            for item in items[1:]:
                result = _cover(result, item)
            return result, len(items)
        case List(item):
            return item, None
        case Array(dtype, shape) if shape:
            count = shape[0] if isinstance(shape[0], int) else None
            return array_or_scalar(dtype, shape[1:]), count
        case Array() | Unknown():
            return UNKNOWN, None
        case t:
            raise InferenceError(f"arrays to be joined come in a list or a tuple, not as {t}")


def _cover(a: Type, b: Type) -> Type:
    """`join`, with promotion of the dtypes."""
    if isinstance(a, Array) and isinstance(b, Array) and a.dtype is not None and b.dtype is not None:
        dtype = str(np.result_type(a.dtype, b.dtype))
        return join(Array(dtype, a.shape), Array(dtype, b.shape))
    return join(a, b)


def _concatenate(arrays: Value, axis: Value) -> Type:
    item, _ = parts_of(arrays)
    along = axis_of(axis)
    dtype = item.dtype if isinstance(item, Array) else None
    if along is None:
        return Array(dtype, (None,))
    shape = None if item is None else shape_of_type(item)
    if isinstance(item, Scalar):
        raise ShapeError("numbers cannot be concatenated")
    if shape is None or not isinstance(along, int):
        return Array(dtype, None)
    at = (normal_axes(along, len(shape)) or (0,))[0]
    length: Dimension = None
    if isinstance(arrays.type, Tuple):
        length = 0
        for part in arrays.type.items:
            dims = shape_of_type(part)
            length = None if dims is None or length is None else add_dimensions(length, dims[at])
    return Array(dtype, (*shape[:at], length, *shape[at + 1 :]))


def _stack(arrays: Value, axis: Value) -> Type:
    item, count = parts_of(arrays)
    along = axis_of(axis)
    if item is None:
        return Array(None, None)
    shape, dtype = shape_of_type(item), dtype_of_type(item) if isinstance(item, Array) else None
    if shape is None or not isinstance(along, int):
        return Array(dtype, None)
    at = (normal_axes(along, len(shape) + 1) or (0,))[0]
    return Array(dtype, (*shape[:at], count, *shape[at:]))


def _stacked(rank: int, along: int) -> Callable[[Value], Type]:
    """`vstack` (rows), `column_stack` (columns), `hstack` (along the only axis or the second)."""

    def infer(tup: Value) -> Type:
        item, count = parts_of(tup)
        shape = None if item is None else shape_of_type(item)
        dtype = item.dtype if isinstance(item, Array) else None
        if shape is None:
            return Array(dtype, None)
        if len(shape) >= 2:
            at = along
            return Array(dtype, tuple(None if i == at else d for i, d in enumerate(shape)))
        width = shape[0] if shape else 1
        if rank == 1:
            return Array(dtype, (count if width == 1 else None,))
        return Array(dtype, (count, width) if along == 0 else (width, count))

    return infer


def _diag(v: Value, k: Value) -> Type:
    shape = shape_of_type(v.type)
    if shape is None:
        return Array(dtype_of_type(v.type), None)
    offset = k.value if isinstance(k, Constant) else None
    match shape:
        case (d,):
            side = d if offset == 0 else add_dimensions(d, abs(offset)) if isinstance(offset, int) else None
            return _of(v, (side, side))
        case (a, b):
            return _of(v, (a if a == b and offset == 0 else None,))
        case _:
            raise ShapeError("np.diag needs an array of one or two dimensions")


def _diagonal(a: Value, offset: Value) -> Type:
    shape = shape_of_type(a.type)
    if shape is None:
        return Array(dtype_of_type(a.type), None)
    if len(shape) < 2:
        raise ShapeError("a diagonal needs an array of at least two dimensions")
    main = isinstance(offset, Constant) and offset.value == 0
    return _of(a, (*shape[2:], shape[0] if main and shape[0] == shape[1] else None))


def _trace(a: Value, offset: Value) -> Type:
    shape = shape_of_type(a.type)
    if shape is None:
        return UNKNOWN
    if len(shape) < 2:
        raise ShapeError("a trace needs an array of at least two dimensions")
    return array_or_scalar(dtype_of_type(a.type), shape[2:])


def _triangle(m: Value, k: Value) -> Type:
    shape = shape_of_type(m.type)
    return Array(dtype_of_type(m.type), shape)


def _along(x: Value, *rest: Value) -> Type:
    """An array of the same shape."""
    return _of(x, shape_of_type(x.type))


def _repeat(a: Value, repeats: Value, axis: Value) -> Type:
    shape, along = shape_of_type(a.type), axis_of(axis)
    if along is None:
        count = None if shape is None else total(shape)
        return _of(a, (_times(count, dimension_of(repeats)),))
    if shape is None or not isinstance(along, int):
        return Array(dtype_of_type(a.type), None)
    at = (normal_axes(along, len(shape)) or (0,))[0]
    return _of(a, (*shape[:at], _times(shape[at], dimension_of(repeats)), *shape[at + 1 :]))


def _times(a: Dimension, b: Dimension) -> Dimension:
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return b if a == 1 else a if b == 1 else None


def _tile(a: Value, reps: Value) -> Type:
    shape, dims = shape_of_type(a.type), shape_operand(reps)
    if shape is None or dims is None:
        return Array(dtype_of_type(a.type) if isinstance(a.type, Array) else None, None)
    rank = max(len(shape), len(dims))
    old: Sequence[Dimension] = (1,) * (rank - len(shape)) + shape
    factors: Sequence[Dimension] = (1,) * (rank - len(dims)) + dims
    return Array(
        dtype_of_type(a.type) if isinstance(a.type, Array) else None,
        tuple(_times(d, f) for d, f in zip(old, factors, strict=True)),
    )


def _t_type(x: Value) -> Type:
    shape = shape_of_type(x.type)
    return _of(x, None if shape is None else shape[::-1])


def _make(
    name: str,
    parameters: str,
    rule: Callable[..., Type],
    evaluate: Callable[..., Any] | None = None,
    *,
    defaults: tuple[Any, ...] = (),
    views: tuple[int, ...] = (),
    cheap: bool = False,
) -> Primitive:
    function = getattr(np, name.removeprefix("np.")) if evaluate is None else evaluate
    return primitive(name, parameters, _numeric(name, rule), function, defaults=defaults, views=views, cheap=cheap)


SHAPES: dict[str, Primitive] = {
    p.name: p
    for p in (
        _make("T", "x", _t_type, np.transpose, views=(0,), cheap=True),
        _make("np.reshape", "a shape", _reshape, views=(0,), cheap=True),
        _make("np.ravel", "a", _ravel, views=(0,), cheap=True),
        _make("np.transpose", "a axes", _transpose, defaults=(None,), views=(0,), cheap=True),
        _make("np.swapaxes", "a axis1 axis2", _swapaxes, views=(0,), cheap=True),
        _make("np.moveaxis", "a source destination", _moveaxis, views=(0,), cheap=True),
        _make("np.squeeze", "a axis", _squeeze, defaults=(None,), views=(0,), cheap=True),
        _make("np.expand_dims", "a axis", _expand_dims, views=(0,), cheap=True),
        _make("np.broadcast_to", "array shape", _broadcast_to, views=(0,), cheap=True),
        _make("np.atleast_1d", "x", _atleast(1), views=(0,)),
        _make("np.atleast_2d", "x", _atleast(2), views=(0,)),
        _make("np.concatenate", "arrays axis", _concatenate, defaults=(0,)),
        _make("np.stack", "arrays axis", _stack, defaults=(0,)),
        _make("np.vstack", "tup", _stacked(2, 0)),
        _make("np.hstack", "tup", _stacked(1, 1)),
        _make("np.column_stack", "tup", _stacked(2, 1)),
        _make("np.diag", "v k", _diag, defaults=(0,), views=(0,)),
        _make("np.diagonal", "a offset", _diagonal, defaults=(0,), views=(0,)),
        _make("np.trace", "a offset", _trace, defaults=(0,)),
        _make("np.tril", "m k", _triangle, defaults=(0,)),
        _make("np.triu", "m k", _triangle, defaults=(0,)),
        _make("np.flip", "m axis", _along, defaults=(None,), views=(0,)),
        _make("np.roll", "a shift axis", _along, defaults=(None,)),
        _make("np.repeat", "a repeats axis", _repeat, defaults=(None,)),
        _make("np.tile", "A reps", _tile),
    )
}
