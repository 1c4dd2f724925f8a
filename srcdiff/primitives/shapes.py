"""Rearranging arrays: reshape, transposes, diagonals, repetition.

Out: `SHAPES`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> print(SHAPES["T"].infer(x), SHAPES["np.expand_dims"].infer(x, constant(1)))
float64[3, n] float64[n, 1, 3]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import (
    UNKNOWN,
    Array,
    Dimension,
    List,
    Symbol,
    Tuple,
    Type,
    is_exact,
)
from srcdiff.primitives.inference import (
    Shape,
    ShapeError,
    dtype_of_type,
    of_numbers,
    shape_of_type,
)
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, dtype_operand, normal_axes, reduced_axes, shape_operand


def _of(x: Value, shape: Shape | None) -> Type:
    """Elements of x in another shape: an array even where x may be a number, if the rank is not 0."""
    if shape is None and not isinstance(x.type, Array | List | Tuple):
        return UNKNOWN
    return Array(dtype_as_array(x), shape)


def dtype_as_array(x: Value) -> str | None:
    """The dtype of the array that NumPy makes of `x`; a number that is no constant may have single precision."""
    return dtype_of_type(x.type) if isinstance(x.type, Array | List | Tuple) else None


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
        return Array(dtype_as_array(x), None)
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
    return Array(dtype_as_array(x), (count,))


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
    shape = shape_of_type(x.type)
    if shape is None:
        return _of(x, None)
    order = moved_axes(axis_of(source), axis_of(destination), len(shape))
    return _of(x, (None,) * len(shape) if order is None else tuple(shape[a] for a in order))


def moved_axes(source: object, destination: object, rank: int) -> list[int] | None:
    """Which axis of x is each axis of `np.moveaxis(x, source, destination)`; None where that is not known."""
    given = [(a,) if isinstance(a, int) else a for a in (source, destination)]
    if not all(isinstance(a, tuple) for a in given):
        return None
    for axes in given:
        normal_axes(axes, rank)
    old, new = ([a % rank for a in axes] for axes in given if isinstance(axes, tuple))
    if len(old) != len(new):
        raise ShapeError("as many axes are moved as there are places for them")
    order = [a for a in range(rank) if a not in old]
    for place, a in sorted(zip(new, old, strict=True)):
        order.insert(place, a)
    return order


def rolled(axis: Value, start: Value, rank: int | None) -> tuple[int, int] | None:
    """From and to which place `np.rollaxis` moves an axis; None where that is not known."""
    a, to = axis_of(axis), axis_of(start)
    if not isinstance(a, int) or not isinstance(to, int) or (rank is None and (a < 0 or to < 0)):
        return None
    if rank is not None:
        normal_axes(a, rank)
        if not -rank <= to <= rank:
            raise ShapeError(f"place {to} does not exist in an array of {rank} dimensions")
        a, to = a % rank, to + rank if to < 0 else to
    return a, to - 1 if a < to else to


def _rollaxis(x: Value, axis: Value, start: Value) -> Type:
    shape = shape_of_type(x.type)
    if shape is None:
        return _of(x, None)
    places = rolled(axis, start, len(shape))
    order = None if places is None else moved_axes(*places, len(shape))
    return _of(x, (None,) * len(shape) if order is None else tuple(shape[i] for i in order))


def _squeeze(x: Value, axis: Value) -> Type:
    shape, axes = shape_of_type(x.type), axis_of(axis)
    if shape is None or axes is UNKNOWN_AXIS:
        return UNKNOWN
    if axes is None:
        # What is not known to differ from 1 may go.
        certain = all(isinstance(d, int) for d in shape)
        return _of(x, tuple(d for d in shape if d != 1)) if certain else UNKNOWN
    gone = reduced_axes(axes, len(shape)) or ()
    return _of(x, tuple(d for i, d in enumerate(shape) if i not in gone))


def _expand_dims(x: Value, axis: Value) -> Type:
    shape, axes = shape_of_type(x.type), axis_of(axis)
    if shape is None or axes is UNKNOWN_AXIS or axes is None:
        return Array(dtype_as_array(x), None)
    count = len(axes) if isinstance(axes, tuple) else 1
    new = normal_axes(axes, len(shape) + count) or ()
    dims = iter(shape)
    return _of(x, tuple(1 if i in new else next(dims) for i in range(len(shape) + count)))


def _broadcast_to(x: Value, shape: Value) -> Type:
    dims = shape_operand(shape)
    return _of(x, dims) if dims is not None else Array(dtype_as_array(x), None)


def _atleast(rank: int) -> Callable[[Value], Type]:
    def infer(x: Value) -> Type:
        shape = shape_of_type(x.type)
        if shape is None:
            return Array(dtype_as_array(x), None)
        if rank == 3 and shape:
            return _of(x, (*shape, 1) if len(shape) == 2 else (1, *shape, 1) if len(shape) == 1 else shape)
        return _of(x, (1,) * (rank - len(shape)) + shape)

    return infer


def _contiguous(a: Value, dtype: Value) -> Type:
    shape = shape_of_type(a.type)
    return Array(dtype_operand(dtype, dtype_as_array(a)), (1,) if shape == () else shape)


def _require(a: Value, dtype: Value, requirements: Value) -> Type:
    return Array(dtype_operand(dtype, dtype_as_array(a)), shape_of_type(a.type))


def _rot90(m: Value, k: Value, axes: Value) -> Type:
    shape, turned = shape_of_type(m.type), axis_of(axes)
    if shape is None:
        return _of(m, None)
    turned = (0, 1) if turned is None else turned
    if not isinstance(turned, tuple) or len(turned) != 2:
        return _of(m, (None,) * len(shape))
    p, q = normal_axes(turned, len(shape)) or (0, 1)
    quarters = k.value if isinstance(k, Constant) else None
    dims = list(shape)
    if not isinstance(quarters, int):
        dims[p] = dims[q] = dims[p] if dims[p] == dims[q] else None
    elif quarters % 2:
        dims[p], dims[q] = dims[q], dims[p]
    return _of(m, tuple(dims))


def _turned(m: Any, k: int, axes: Any) -> Any:
    return np.rot90(m, k) if axes is None else np.rot90(m, k, axes)


def _along(x: Value, *rest: Value) -> Type:
    """An array of the same shape."""
    return _of(x, shape_of_type(x.type))


def _t_type(x: Value) -> Type:
    shape = shape_of_type(x.type)
    return _of(x, None if shape is None else shape[::-1])


SHAPES: dict[str, Primitive] = {
    p.name: p
    for p in (
        of_numbers("T", "x", _t_type, evaluate=np.transpose, views=(0,), cheap=True),
        of_numbers("np.reshape", "a shape", _reshape, views=(0,), cheap=True),
        of_numbers("np.ravel", "a", _ravel, views=(0,), cheap=True),
        of_numbers("np.transpose", "a axes", _transpose, defaults=(None,), views=(0,), cheap=True),
        of_numbers("np.swapaxes", "a axis1 axis2", _swapaxes, views=(0,), cheap=True),
        of_numbers("np.moveaxis", "a source destination", _moveaxis, views=(0,), cheap=True),
        of_numbers("np.squeeze", "a axis", _squeeze, defaults=(None,), views=(0,), cheap=True),
        of_numbers("np.expand_dims", "a axis", _expand_dims, views=(0,), cheap=True),
        of_numbers("np.broadcast_to", "array shape", _broadcast_to, views=(0,), cheap=True),
        of_numbers("np.atleast_1d", "x", _atleast(1), views=(0,)),
        of_numbers("np.atleast_2d", "x", _atleast(2), views=(0,)),
        of_numbers("np.atleast_3d", "ary", _atleast(3), views=(0,)),
        of_numbers("np.rollaxis", "a axis start", _rollaxis, defaults=(0,), views=(0,), cheap=True),
        of_numbers("np.ascontiguousarray", "a dtype", _contiguous, defaults=(None,), views=(0,)),
        of_numbers("np.asfortranarray", "a dtype", _contiguous, defaults=(None,), views=(0,)),
        of_numbers("np.require", "a dtype requirements", _require, defaults=(None, None), views=(0,)),
        of_numbers("np.fliplr", "m", _along, views=(0,)),
        of_numbers("np.flipud", "m", _along, views=(0,)),
        of_numbers("np.rot90", "m k axes", _rot90, evaluate=_turned, defaults=(1, None), views=(0,)),
        of_numbers("np.flip", "m axis", _along, defaults=(None,), views=(0,)),
        of_numbers("np.roll", "a shift axis", _along, defaults=(None,)),
    )
}
