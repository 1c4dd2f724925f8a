"""Functions of samples on a line: interpolation, convolution, polynomials.

Out: `CURVES`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> a, v = Value(Array("float64", (Symbol("n"),))), Value(Array("float64", (3,)))
>>> print(CURVES["np.convolve"].infer(a, v, constant("full")))
float64[n+2]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import INT, Array, Dimension, Type, Unknown
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import (
    InferenceError,
    ShapeError,
    add_dimensions,
    array_or_scalar,
    dimension_of,
    dtype_of_type,
    elementwise_type,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.shapes import dtype_as_array


def _of_line(what: str, x: Value) -> Dimension:
    """The length of an array of one dimension, where it is known."""
    shape = shape_of_type(x.type)
    if shape is not None and len(shape) != 1:
        raise ShapeError(f"{what} has one dimension")
    return None if shape is None else shape[0]


def _interp(x: Value, xp: Value, fp: Value, left: Value, right: Value) -> Type:
    require_numeric("np.interp", x, xp, fp)
    _of_line("what np.interp interpolates", xp)
    _of_line("what np.interp interpolates", fp)
    shape = shape_of_type(x.type)
    if shape is None and isinstance(x.type, Unknown):
        return x.type
    return array_or_scalar("float64", shape)


def _interval(x: Value, xp: Value) -> Type:
    shape = shape_of_type(x.type)
    if isinstance(x.type, Unknown):
        return x.type
    return INT if shape == () else Array("int64", shape)


MODES = ("full", "same", "valid")


def _convolved(name: str) -> Callable[[Value, Value, Value], Type]:
    def infer(a: Value, v: Value, mode: Value) -> Type:
        require_numeric(name, a, v)
        known = mode.value if isinstance(mode, Constant) else None
        if known not in MODES and isinstance(mode, Constant):
            raise InferenceError(f'the mode of {name} is "full", "same" or "valid", not {known!r}')
        # A number counts as a vector of one.
        n, m = (1 if shape_of_type(x.type) == () else _of_line(f"what {name} takes", x) for x in (a, v))
        return Array(promote((a, v)), (_length(n, m, known),))

    return infer


def _length(n: Dimension, m: Dimension, mode: str | None) -> Dimension:
    if mode == "full":
        whole = add_dimensions(n, m)
        return None if whole is None else add_dimensions(whole, -1)
    if isinstance(n, int) and isinstance(m, int) and mode is not None:
        return max(n, m) if mode == "same" else max(n, m) - min(n, m) + 1
    return n if mode == "same" and n == m else None


def _polyval(p: Value, x: Value) -> Type:
    require_numeric("np.polyval", p, x)
    coefficients = shape_of_type(p.type)
    if coefficients is not None and len(coefficients) > 1:
        raise InferenceError("np.polyval is supported with a vector of coefficients")
    _of_line("the coefficients of np.polyval", p)
    dtype = dtype_as_array(p)
    return elementwise_type("same", Value(Array(dtype, ())), x) if dtype else _polyval_unsure(x)


def _polyval_unsure(x: Value) -> Type:
    shape = shape_of_type(x.type)
    return x.type if isinstance(x.type, Unknown) else array_or_scalar(None, shape)


def _vander(x: Value, n: Value, increasing: Value) -> Type:
    require_numeric("np.vander", x)
    rows = _of_line("what np.vander takes", x)
    columns = rows if isinstance(n, Constant) and n.value is None else dimension_of(n)
    dtype = dtype_of_type(x.type)
    return Array(None if dtype is None else str(np.promote_types(dtype, int)), (rows, columns))


def _make(
    name: str, parameters: str, rule: Callable[..., Type], evaluate: Callable[..., Any], defaults: tuple[Any, ...] = ()
) -> Primitive:
    return primitive(name, parameters, rule, evaluate, defaults=defaults)


CURVES: dict[str, Primitive] = {
    p.name: p
    for p in (
        _make("np.interp", "x xp fp left right", _interp, np.interp, (None, None)),
        _make("interval_of", "x xp", _interval, helper("interval_of")),
        _make("np.convolve", "a v mode", _convolved("np.convolve"), np.convolve, ("full",)),
        _make("np.correlate", "a v mode", _convolved("np.correlate"), np.correlate, ("valid",)),
        _make("np.polyval", "p x", _polyval, lambda p, x: np.asarray(np.polyval(p, x))[()]),
        _make("np.vander", "x N increasing", _vander, np.vander, (None, False)),
    )
}
