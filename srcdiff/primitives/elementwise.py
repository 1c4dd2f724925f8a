"""Elementwise functions of NumPy.

Out: `ELEMENTWISE`, name -> primitive.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> print(ELEMENTWISE["np.sin"].infer(Value(FLOAT)))
float
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import FLOAT, Array, Scalar, Type
from srcdiff.primitives.casts import CASTS
from srcdiff.primitives.inference import ResultKind, dtype_of_type, elementwise_type, primitive, require_numeric

_FLOAT = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "cbrt",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "arccosh",
    "arctanh",
    "deg2rad",
    "rad2deg",
    "radians",
    "degrees",
    "sinc",
    "fabs",
]
_FLOAT_2 = ["arctan2", "hypot", "logaddexp", "logaddexp2", "float_power", "copysign", "heaviside"]
_SAME = ["square", "reciprocal", "sign"]
_WHOLE = ["floor", "ceil", "rint", "trunc", "fix"]
_SAME_2 = ["maximum", "minimum", "fmax", "fmin"]
_BOOL = ["isnan", "isfinite", "isinf", "signbit", "logical_not"]
_BOOL_2 = ["logical_and", "logical_or", "logical_xor"]


def _rule(name: str, result: ResultKind) -> Callable[..., Type]:
    def infer(*operands: Value) -> Type:
        require_numeric(name, *operands)
        return elementwise_type(result, *operands)

    return infer


def _whole_type(x: Value) -> Type:
    """Floating point stays; what becomes of integers differs between versions of NumPy."""
    require_numeric("rounding", x)
    match elementwise_type("same", x):
        case Array(dtype, shape) if dtype is not None and not dtype.startswith("float"):
            return Array(None, shape)
        case Scalar():
            return FLOAT
        case t:
            return t


def _make(names: list[str], parameters: str, result: ResultKind) -> list[Primitive]:
    return [
        primitive(f"np.{n}", parameters, _rule(f"np.{n}", result), getattr(np, n), cheap=result == "bool")
        for n in names
    ]


def _where_type(condition: Value, x: Value, y: Value) -> Type:
    require_numeric("np.where", condition, x, y)
    # The condition takes part in broadcasting, but not in the dtype.
    chosen = elementwise_type("same", x, y)
    whole = elementwise_type("same", Value(_as_bool(condition.type)), x, y)
    match whole, chosen:
        case Array(_, shape), Array(dtype, _):
            return Array(dtype, shape)
        case Array(_, shape), Scalar(kind):
            # A number that is not written in the program may be one of NumPy's, of single precision.
            written = all(isinstance(v, Constant) for v in (x, y))
            return Array(dtype_of_type(chosen) if written or kind != "float" else None, shape)
        case Scalar(), Scalar(kind):
            # np.where makes an array of numbers too, one without dimensions.
            return Array(None if kind == "float" else dtype_of_type(chosen), ())
        case _:
            return whole


def _as_bool(t: Type) -> Type:
    match t:
        case Array(_, shape):
            return Array("bool", shape)
        case Scalar():
            return Scalar("bool")
        case _:
            return t


def _clip_type(a: Value, a_min: Value, a_max: Value) -> Type:
    bounds = [b for b in (a_min, a_max) if not (isinstance(b, Constant) and b.value is None)]
    require_numeric("np.clip", a, *bounds)
    return elementwise_type("same", a, *bounds)


def _round_type(a: Value, decimals: Value) -> Type:
    require_numeric("np.round", a)
    return elementwise_type("same", a)


def _abs_type(x: Value) -> Type:
    require_numeric("np.abs", x)
    return elementwise_type("same", x)


def _nan_to_num_type(x: Value, copy: Value, nan: Value, posinf: Value, neginf: Value) -> Type:
    require_numeric("np.nan_to_num", x)
    return elementwise_type("same", x)


def _isclose_type(a: Value, b: Value, rtol: Value, atol: Value, equal_nan: Value) -> Type:
    require_numeric("np.isclose", a, b)
    return elementwise_type("bool", a, b)


def _nan_to_num(x: Any, copy: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    return np.nan_to_num(x, copy=True, nan=nan, posinf=posinf, neginf=neginf)


ELEMENTWISE: dict[str, Primitive] = {
    p.name: p
    for p in (
        *CASTS.values(),
        *_make(_FLOAT, "x", "float"),
        *_make(_FLOAT_2, "x1 x2", "float"),
        *_make(_SAME, "x", "same"),
        *_make(_SAME_2, "x1 x2", "same"),
        *_make(_BOOL, "x", "bool"),
        *_make(_BOOL_2, "x1 x2", "bool"),
        *(primitive(f"np.{n}", "x", _whole_type, getattr(np, n)) for n in _WHOLE),
        primitive("np.abs", "x", _abs_type, np.abs),
        primitive("np.where", "condition x y", _where_type, np.where),
        primitive("np.clip", "a a_min a_max", _clip_type, np.clip),
        primitive("np.round", "a decimals", _round_type, np.round, defaults=(0,)),
        primitive(
            "np.nan_to_num",
            "x copy nan posinf neginf",
            _nan_to_num_type,
            _nan_to_num,
            defaults=(True, 0.0, None, None),
        ),
        primitive(
            "np.isclose",
            "a b rtol atol equal_nan",
            _isclose_type,
            np.isclose,
            defaults=(1e-05, 1e-08, False),
        ),
    )
}

NUMPY_ALIASES: dict[str, str] = {"absolute": "np.abs", "around": "np.round"}
