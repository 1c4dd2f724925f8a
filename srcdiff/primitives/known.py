"""Operands that are known when the program is compiled: axes, flags, dtypes, shapes.

In: the value of an operand. Out: what it says, or that it is decided at run time.

>>> from srcdiff.ir.core import constant
>>> axis_of(constant(-1)), normal_axes(-1, 3), dtype_operand(constant("f4"), None)
(-1, (2,), 'float32')
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Global, Value
from srcdiff.ir.types import NONE, Scalar, Tuple, Unknown
from srcdiff.primitives.inference import InferenceError, Shape, ShapeError, dimension_of, item_dimension

_UNKNOWN_AXIS = object()


def axis_of(value: Value) -> int | tuple[int, ...] | object | None:
    """The axis, axes or None, where they are known; `UNKNOWN_AXIS` where they are decided at run time."""
    if isinstance(value, Constant) and (value.value is None or isinstance(value.value, int)):
        return value.value
    if isinstance(value.type, Tuple):
        items = [item_dimension(t) for t in value.type.items]
        if all(isinstance(i, int) for i in items):
            return tuple(i for i in items if isinstance(i, int))
    if isinstance(item_dimension(value.type), int) or value.type == NONE:
        return item_dimension(value.type)
    if isinstance(value, Constant):
        raise InferenceError(f"an axis is an integer, a tuple of integers or None, not {value.value!r}")
    return _UNKNOWN_AXIS


UNKNOWN_AXIS = _UNKNOWN_AXIS


def normal_axes(axis: int | tuple[int, ...] | object | None, rank: int) -> tuple[int, ...] | None:
    """The axes as sorted positions in 0..rank-1 (all of them for None); None where they are not known."""
    match axis:
        case None:
            return tuple(range(rank))
        case int():
            axes: tuple[int, ...] = (axis,)
        case tuple():
            axes = axis
        case _:
            return None
    for a in axes:
        if not -rank <= a < rank:
            raise ShapeError(f"axis {a} does not exist in an array of {rank} dimension{'s' * (rank != 1)}")
    positions = sorted(a % rank for a in axes)
    if len(set(positions)) != len(positions):
        raise InferenceError("the same axis is given twice")
    return tuple(positions)


def reduced_axes(axis: int | tuple[int, ...] | object | None, rank: int) -> tuple[int, ...] | None:
    """As `normal_axes`, for what NumPy does to a number too: its axis 0 or -1 stands for no axis."""
    return () if rank == 0 and axis in (0, -1) else normal_axes(axis, rank)


def flag_of(value: Value, what: str) -> bool | None:
    """A boolean written into the program; None where it is decided at run time."""
    if isinstance(value, Constant):
        if value.value is None or isinstance(value.value, bool | int):
            return bool(value.value)
        raise InferenceError(f"{what} is True or False, not {value.value!r}")
    if not isinstance(value.type, Scalar | Unknown):
        raise InferenceError(f"{what} is True or False, not {value.type}")
    return None


def dtype_operand(value: Value, default: str | None) -> str | None:
    """The dtype that an operand asks for: `np.float32`, `float`, "int64"; `default` for None; None where unknown."""
    match value:
        case Constant(value=None):
            return default
        case Constant(value=str(name)):
            try:
                return _real(np.dtype(name))
            except TypeError as error:
                raise InferenceError(f"{name!r} is not a dtype") from error
        case Global(module="builtins", attribute="float" | "int" | "bool" as name):
            return {"float": "float64", "int": "int64", "bool": "bool"}[name]
        case Global(module="numpy", attribute=name):
            scalar = getattr(np, name, None)
            if isinstance(scalar, type) and issubclass(scalar, np.generic):
                try:
                    return _real(np.dtype(scalar))
                except TypeError as error:
                    raise InferenceError(f"np.{name} is not a dtype of numbers") from error
            raise InferenceError(f"np.{name} is not a dtype")
        case Constant():
            raise InferenceError(f"{value.value!r} is not a dtype")
        case _:
            return None


def _real(dtype: np.dtype[Any]) -> str:
    """The name of a dtype that is not one of complex numbers."""
    if dtype.kind == "c":
        raise InferenceError("arrays of complex numbers are not supported: keep real and imaginary parts apart")
    return str(dtype)


def shape_operand(value: Value) -> Shape | None:
    """The dimensions that a shape operand asks for (an integer or a sequence of them); -1 stays -1."""
    if isinstance(value, Constant) and isinstance(value.value, int):
        return (value.value,)
    match value.type:
        case Scalar("float"):
            raise InferenceError("a shape is made of integers, not of a float")
        case Scalar():
            return (dimension_of(value),)
        case Tuple(items):
            if any(isinstance(t, Scalar) and t.kind == "float" for t in items):
                raise InferenceError("a shape is made of integers, not of a float")
            return tuple(item_dimension(t) for t in items)
        case _:
            return None
