"""Operations along one axis that keep it: cumulative sums and products, running extrema, differences, and integrals.

Out: `RUNNING`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> none = constant(None)
>>> print(RUNNING["np.cumprod"].infer(x, constant(0)))
float64[n, 3]
>>> print(RUNNING["np.diff"].infer(x, constant(1), constant(0), none, none))
float64[n-1, 3]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import NONE, UNKNOWN, Array, Dimension, Scalar, Type
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import (
    InferenceError,
    Shape,
    add_dimensions,
    array_or_scalar,
    dtype_of_type,
    elementwise_type,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, dtype_operand, normal_axes, reduced_axes
from srcdiff.primitives.reductions import averaged, reduced_shape, summed


def _along(x: Value, axis: Value) -> tuple[Shape | None, int | None]:
    """The shape of x, and the position of one of its axes."""
    shape, axes = shape_of_type(x.type), axis_of(axis)
    if axes is not UNKNOWN_AXIS and not isinstance(axes, int):
        raise InferenceError("an axis is an integer here")
    if shape is None or axes is UNKNOWN_AXIS:
        return shape, None
    positions = normal_axes(axes, len(shape))
    return shape, None if positions is None else positions[0]


def _with_length(shape: Shape | None, position: int | None, length: Dimension) -> Shape | None:
    if shape is None:
        return None
    if position is None:
        return (None,) * len(shape)
    return (*shape[:position], length, *shape[position + 1 :])


def cumulative_type(a: Value, axis: Value, dtype: Value | None = None) -> Type:
    """The type of a cumulative sum or product."""
    require_numeric("a cumulative sum or product", a)
    shape, own = shape_of_type(a.type), summed(dtype_of_type(a.type))
    if dtype is not None:
        own = dtype_operand(dtype, own)
    axes = axis_of(axis)
    if axes is None:
        return Array(own, shape if shape is not None and len(shape) == 1 else (None,))
    if shape is not None and axes is not UNKNOWN_AXIS:
        reduced_axes(axes, len(shape))
        # A number becomes a vector of one.
        return Array(own, shape or (1,))
    return Array(own, shape)


def _cumulative(name: str) -> list[Primitive]:
    function = getattr(np, name.removeprefix("np."))

    def with_dtype(a: Any, axis: Any, dtype: Any) -> Any:
        return function(a, axis, dtype)

    return [
        primitive(name, "a axis", cumulative_type, lambda a, axis: function(a, axis), defaults=(None,)),
        primitive(f"{name}(dtype)", "a axis dtype", cumulative_type, with_dtype, defaults=(None, None)),
    ]


def _accumulated(a: Value, axis: Value) -> Type:
    require_numeric("accumulate", a)
    shape, _ = _along(a, axis)
    return Array(dtype_of_type(a.type), shape)


def _log_sum(a: Value, axis: Value, keepdims: Value) -> Type:
    require_numeric("np.logaddexp.reduce", a)
    keep = keepdims.value if isinstance(keepdims, Constant) else None
    shape = reduced_shape(shape_of_type(a.type), axis, keep)
    return UNKNOWN if shape is None else array_or_scalar(averaged(dtype_of_type(a.type)), shape)


def _size_along(x: Value, position: int | None, rank: int | None) -> Dimension:
    """How much an array, or a number, that is put before or after an axis makes it longer."""
    if x.type == NONE:
        return 0
    shape = shape_of_type(x.type)
    if shape is None or position is None or rank is None:
        return None
    return 1 if shape == () else shape[position] if len(shape) == rank else None


def _diff(a: Value, n: Value, axis: Value, prepend: Value, append: Value) -> Type:
    given = [v for v in (a, prepend, append) if v.type != NONE]
    require_numeric("np.diff", *given)
    if is_constant(n, 0):
        raise InferenceError("np.diff of order 0 is its argument itself: leave it out")
    shape, position = _along(a, axis)
    length: Dimension = None
    if shape is not None and position is not None and isinstance(n, Constant) and isinstance(n.value, int):
        length = shape[position]
        for extra in (_size_along(prepend, position, len(shape)), _size_along(append, position, len(shape)), -n.value):
            length = None if length is None or extra is None else add_dimensions(length, extra)
        if isinstance(length, int):
            length = max(length, 0)
    made = _with_length(shape, position, length)
    return Array(promote(given) if all(isinstance(v.type, Array) for v in given) else None, made)


def _ediff1d(ary: Value, to_end: Value, to_begin: Value) -> Type:
    require_numeric("np.ediff1d", ary)
    shape = shape_of_type(ary.type)
    plain = shape is not None and len(shape) == 1 and to_end.type == NONE and to_begin.type == NONE
    length = add_dimensions(shape[0], -1) if plain and shape is not None else None
    return Array(dtype_of_type(ary.type), (max(length, 0) if isinstance(length, int) else length,))


def _trapezoid(y: Value, x: Value, dx: Value, axis: Value) -> Type:
    require_numeric("np.trapezoid", *(v for v in (y, x, dx) if v.type != NONE))
    shape, position = _along(y, axis)
    if shape is None or position is None:
        return UNKNOWN
    kept = (*shape[:position], *shape[position + 1 :])
    single = averaged(dtype_of_type(y.type)) if x.type == NONE and isinstance(dx, Constant) else None
    if kept and x.type != NONE:
        single = averaged(promote([y, x])) if isinstance(x.type, Array) else None
    return array_or_scalar(single, kept)


def _integrate(y: Any, x: Any, dx: Any, axis: Any) -> Any:
    function = getattr(np, "trapezoid", None) or getattr(np, "trapz")  # noqa: B009
    return function(y, x=x, dx=dx, axis=axis)


def _gradient_type(f: Value, *rest: Value) -> Type:
    *spacing, axis, _edge_order = rest
    require_numeric("np.gradient", f, *spacing)
    if not isinstance(f.type, Array):
        return UNKNOWN
    shape = f.type.shape
    if shape is not None and axis.type != NONE:
        _along(f, axis)
    own = [v for v in (f, *spacing) if not isinstance(v.type, Scalar)]
    weak = all(isinstance(v, Constant) for v in spacing if isinstance(v.type, Scalar))
    return Array(averaged(promote(own)) if weak else None, shape)


def _gradient(f: Any, axis: Any, edge_order: Any) -> Any:
    return np.gradient(f, axis=axis, edge_order=edge_order)


def _gradient_spaced(f: Any, spacing: Any, axis: Any, edge_order: Any) -> Any:
    return np.gradient(f, spacing, axis=axis, edge_order=edge_order)


def _recurrence_type(a: Value, b: Value, axis: Value) -> Type:
    return elementwise_type("same", a, b)


RUNNING: dict[str, Primitive] = {
    p.name: p
    for p in (
        *_cumulative("np.cumsum"),
        *_cumulative("np.cumprod"),
        primitive("np.nancumsum", "a axis", cumulative_type, lambda a, axis: np.nancumsum(a, axis), defaults=(None,)),
        primitive("np.nancumprod", "a axis", cumulative_type, lambda a, axis: np.nancumprod(a, axis), defaults=(None,)),
        primitive("np.maximum.accumulate", "array axis", _accumulated, np.maximum.accumulate, defaults=(0,)),
        primitive("np.minimum.accumulate", "array axis", _accumulated, np.minimum.accumulate, defaults=(0,)),
        primitive(
            "np.logaddexp.reduce",
            "array axis keepdims",
            _log_sum,
            lambda a, axis, keepdims: np.logaddexp.reduce(a, axis, keepdims=keepdims),
            defaults=(0, False),
        ),
        primitive(
            "np.diff",
            "a n axis prepend append",
            _diff,
            lambda a, n, axis, prepend, append: np.diff(
                a, n, axis, **{k: v for k, v in (("prepend", prepend), ("append", append)) if v is not None}
            ),
            defaults=(1, -1, None, None),
        ),
        primitive("np.ediff1d", "ary to_end to_begin", _ediff1d, np.ediff1d, defaults=(None, None)),
        primitive("np.trapezoid", "y x dx axis", _trapezoid, _integrate, defaults=(None, 1.0, -1)),
        primitive("np.trapz", "y x dx axis", _trapezoid, _integrate, defaults=(None, 1.0, -1)),
        primitive("np.gradient", "f axis edge_order", _gradient_type, _gradient, defaults=(None, 1)),
        primitive(
            "np.gradient(spacing)", "f spacing axis edge_order", _gradient_type, _gradient_spaced, defaults=(None, 1)
        ),
        primitive("recurrence", "a b axis", _recurrence_type, helper("recurrence"), views=(1,)),
        primitive("recurrence_back", "a b axis", _recurrence_type, helper("recurrence_back"), views=(1,)),
    )
}
