"""Elementwise functions: those of NumPy, and with them those of `scipy.special` and `scipy.stats`.

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
from srcdiff.ir.types import FLOAT, INT, Array, Scalar, Type
from srcdiff.primitives.casts import CASTS
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import (
    InferenceError,
    ResultKind,
    dtype_of_type,
    elementwise_type,
    float_dtype,
    primitive,
    promote,
    require_numeric,
)
from srcdiff.primitives.special import SPECIAL_ELEMENTWISE
from srcdiff.primitives.stats import NORMAL

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
    "spacing",
]
_FLOAT_2 = ["arctan2", "hypot", "logaddexp", "logaddexp2", "copysign", "heaviside", "nextafter"]
_SAME = ["square", "reciprocal", "sign", "conj", "imag"]
_WHOLE = ["floor", "ceil", "rint", "trunc", "fix"]  # fix goes out of use: it is trunc
_SAME_2 = ["maximum", "minimum", "fmax", "fmin", "fmod"]
_WHOLE_2 = ["gcd", "lcm", "left_shift", "right_shift"]
_BOOL = ["isnan", "isfinite", "isinf", "isposinf", "isneginf", "isreal", "iscomplex", "isnat", "signbit", "logical_not"]
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


def _real_type(x: Value) -> Type:
    """A real array is its own real part."""
    return x.type if isinstance(x.type, Array) else _abs_type(x)


def _integer_rule(name: str) -> Callable[..., Type]:
    def infer(*operands: Value) -> Type:
        for operand in operands:
            if isinstance(operand.type, Scalar) and operand.type.kind == "float":
                raise InferenceError(f"{name} needs integers, not a float")
        return _rule(name, "same")(*operands)

    return infer


def _float_power_type(x1: Value, x2: Value) -> Type:
    """Of double precision, whatever it is given."""
    require_numeric("np.float_power", x1, x2)
    t = elementwise_type("float", x1, x2)
    return Array("float64", t.shape) if isinstance(t, Array) else t


def _i0_type(x: Value) -> Type:
    """`np.i0` makes an array of a number, one without dimensions."""
    require_numeric("np.i0", x)
    t = elementwise_type("float", x)
    return Array(None, ()) if isinstance(t, Scalar) else t


def _ldexp_type(x1: Value, x2: Value) -> Type:
    """The dtype is that of the first operand, for the second is an array of integers."""
    require_numeric("np.ldexp", x1, x2)
    match elementwise_type("float", x1, x2):
        case Array(_, shape):
            own = promote((x1,)) if isinstance(x1.type, Array) else None
            return Array(float_dtype(own), shape)
        case t:
            return t


def _count_type(x: Value) -> Type:
    require_numeric("np.bitwise_count", x)
    t = elementwise_type("same", x)
    return Array("uint8", t.shape) if isinstance(t, Array) else INT if isinstance(t, Scalar) else t


def _order_type(x: Value, order: Value) -> Type:
    return elementwise_type("float", x)


def _bit_count(x: Any) -> Any:
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(x)
    return np.vectorize(lambda i: bin(abs(int(i))).count("1"), otypes=["uint8"])(x)[()]


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
    if not (isinstance(copy, Constant) and copy.value):
        raise InferenceError("np.nan_to_num with copy=False changes its argument: leave it out, and use the result")
    given = [v for v in (nan, posinf, neginf) if not (isinstance(v, Constant) and v.value is None)]
    require_numeric("np.nan_to_num", x, *given)
    return elementwise_type("same", x)  # what stands for NaN has to fit into the shape of x


def _isclose_type(a: Value, b: Value, rtol: Value, atol: Value, equal_nan: Value) -> Type:
    require_numeric("np.isclose", a, b)
    return elementwise_type("bool", a, b)


def _clip(a: Any, a_min: Any, a_max: Any) -> Any:
    # Before version 2.1 NumPy refuses to clip to no bounds at all.
    return np.positive(a) if a_min is None and a_max is None else np.clip(a, a_min, a_max)


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
        *(primitive(f"np.{n}", "x1 x2", _integer_rule(f"np.{n}"), getattr(np, n)) for n in _WHOLE_2),
        *_make(_BOOL, "x", "bool"),
        *_make(_BOOL_2, "x1 x2", "bool"),
        *(primitive(f"np.{n}", "x", _whole_type, getattr(np, n, np.trunc)) for n in _WHOLE),
        primitive("np.abs", "x", _abs_type, np.abs),
        primitive("np.real", "x", _real_type, np.real, views=(0,)),
        primitive("np.float_power", "x1 x2", _float_power_type, np.float_power),
        primitive("np.ldexp", "x1 x2", _ldexp_type, np.ldexp),
        primitive("np.i0", "x", _i0_type, np.i0),
        primitive("np.bitwise_count", "x", _count_type, _bit_count),
        primitive("share_of", "a y", _rule("np.exp", "float"), helper("share_of")),
        primitive("sinc_derivative", "x order", _order_type, helper("sinc_derivative")),
        primitive("i0_derivative", "x order", _order_type, helper("i0_derivative")),
        primitive("np.where", "condition x y", _where_type, np.where),
        primitive("np.clip", "a a_min a_max", _clip_type, _clip, defaults=(None, None)),
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
        *SPECIAL_ELEMENTWISE.values(),
        *NORMAL.values(),
    )
}

NUMPY_ALIASES: dict[str, str] = {
    **{"absolute": "np.abs", "around": "np.round", "conjugate": "np.conj"},
    **{"bitwise_left_shift": "np.left_shift", "bitwise_right_shift": "np.right_shift"},
    **{f"a{n}": f"np.arc{n}" for n in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
}
