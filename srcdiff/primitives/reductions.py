"""Reductions of NumPy: sums, means, extrema, norms of whole arrays or along axes.

Out: `REDUCTIONS`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> print(REDUCTIONS["np.sum"].infer(x, constant(0), constant(True)))
float64[1, 3]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import UNKNOWN, Array, List, Scalar, Tuple, Type
from srcdiff.primitives.inference import (
    Shape,
    array_or_scalar,
    dtype_of_type,
    float_dtype,
    primitive,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, flag_of, normal_axes, reduced_axes

DtypeRule = Callable[[str | None], str | None]


def reduced_shape(shape: Shape | None, axis: Value, keepdims: bool | None, *, strict: bool = False) -> Shape | None:
    """The shape that is left of `shape` (None: not even the rank is known). `strict`: a number has no axis 0 or -1."""
    axes = axis_of(axis)
    if axes is None and keepdims is False:
        return ()
    if shape is None or keepdims is None or axes is UNKNOWN_AXIS:
        return None
    positions = (normal_axes if strict else reduced_axes)(axes, len(shape))
    if positions is None:
        return None
    if keepdims:
        return tuple(1 if i in positions else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in positions)


def reduce_type(a: Value, axis: Value, keepdims: bool | None, dtype: DtypeRule, *, strict: bool = False) -> Type:
    """The type of a reduction of `a`; `strict` as for `reduced_shape`."""
    source = dtype(dtype_of_type(a.type))
    shape = reduced_shape(shape_of_type(a.type), axis, keepdims, strict=strict)
    if shape is not None:
        return array_or_scalar(source, shape)
    # An array that keeps some dimension is an array, otherwise it may have become a number.
    if isinstance(a.type, Array | List | Tuple) and keepdims:
        return Array(source, None)
    return UNKNOWN


def same_dtype(dtype: str | None) -> str | None:
    return dtype


def summed(dtype: str | None) -> str | None:
    return "int64" if dtype is not None and np.dtype(dtype).kind == "b" else _wide(dtype)


def _wide(dtype: str | None) -> str | None:
    if dtype is None or np.dtype(dtype).kind == "f":
        return dtype
    return "uint64" if np.dtype(dtype).kind == "u" else "int64"


def averaged(dtype: str | None) -> str | None:
    return dtype if dtype is None or np.dtype(dtype).kind == "f" else "float64"


def to_dtype(result: str) -> DtypeRule:
    return lambda dtype: result


def _plain(name: str, dtype: DtypeRule) -> Primitive:
    def infer(a: Value, axis: Value, keepdims: Value) -> Type:
        require_numeric(name, a)
        return reduce_type(a, axis, flag_of(keepdims, "keepdims"), dtype, strict=name == "np.mean")

    function = getattr(np, name.removeprefix("np."))

    def evaluate(a: Any, axis: Any, keepdims: Any) -> Any:
        return function(a, axis=axis, keepdims=keepdims)

    return primitive(name, "a axis keepdims", infer, evaluate, defaults=(None, False))


def _spread(name: str) -> Primitive:
    def infer(a: Value, axis: Value, ddof: Value, keepdims: Value) -> Type:
        require_numeric(name, a)
        return reduce_type(a, axis, flag_of(keepdims, "keepdims"), averaged, strict=True)

    function = getattr(np, name.removeprefix("np."))

    def evaluate(a: Any, axis: Any, ddof: Any, keepdims: Any) -> Any:
        return function(a, axis=axis, ddof=ddof, keepdims=keepdims)

    return primitive(name, "a axis ddof keepdims", infer, evaluate, defaults=(None, 0, False))


def _norm_type(x: Value, ord: Value, axis: Value, keepdims: Value) -> Type:
    require_numeric("np.linalg.norm", x)
    return reduce_type(x, axis, flag_of(keepdims, "keepdims"), float_dtype, strict=True)


def _logical(a: Any, b: Any, rtol: Any, atol: Any) -> Any:
    return np.allclose(a, b, rtol=rtol, atol=atol)


REDUCTIONS: dict[str, Primitive] = {
    p.name: p
    for p in (
        _plain("np.sum", summed),
        _plain("np.prod", summed),
        _plain("np.mean", averaged),
        _plain("np.max", same_dtype),
        _plain("np.min", same_dtype),
        _plain("np.any", to_dtype("bool")),
        _plain("np.all", to_dtype("bool")),
        _plain("np.count_nonzero", to_dtype("int64")),
        _plain("np.argmax", to_dtype("int64")),
        _plain("np.argmin", to_dtype("int64")),
        _spread("np.var"),
        _spread("np.std"),
        primitive(
            "np.allclose",
            "a b rtol atol",
            lambda a, b, rtol, atol: Scalar("bool"),
            _logical,
            defaults=(1e-05, 1e-08),
        ),
        primitive("np.linalg.norm", "x ord axis keepdims", _norm_type, np.linalg.norm, defaults=(None, None, False)),
    )
}

NUMPY_ALIASES: dict[str, str] = {"amax": "np.max", "amin": "np.min", "product": "np.prod"}
