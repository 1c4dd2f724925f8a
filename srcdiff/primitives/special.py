"""Functions of `scipy.special`.

SciPy is imported when one of them is evaluated, and not before: `srcdiff` does without it.

Out: `SPECIAL`, name -> primitive; `SPECIAL_ELEMENTWISE`, those among them that are applied to each element.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> print(SPECIAL["scipy.special.erf"].infer(Value(FLOAT)))
float
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import NONE, UNKNOWN, Array, List, Scalar, Tuple, Type
from srcdiff.primitives.inference import (
    array_or_scalar,
    broadcast_shapes,
    elementwise_type,
    float_dtype,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import flag_of
from srcdiff.primitives.reductions import reduced_shape

_UNARY = [
    *("gamma", "gammaln", "loggamma", "digamma", "erf", "erfc", "erfcx", "erfinv", "erfcinv", "ndtr", "ndtri"),
    *("log_ndtr", "expit", "logit", "log_expit", "entr", "j0", "j1", "i0", "i1", "i0e", "i1e"),
    *("cbrt", "exp2", "expm1", "log1p"),  # their last digits are not those of NumPy's
]
_BINARY = [
    *("xlogy", "xlog1py", "rel_entr", "kl_div", "beta", "betaln", "gammainc", "gammaincc", "binom"),
    *("jv", "iv", "ive"),
]

SPECIAL_ALIASES: dict[str, str] = {
    "psi": "scipy.special.digamma",
    "jn": "scipy.special.jv",
    "sinc": "np.sinc",
}
"""Other names of the same functions, one of them NumPy's."""


def scipy_function(module: str, name: str) -> Callable[..., Any]:
    """The function `name` (it may be dotted) of a module of SciPy, imported when it is called."""

    def evaluate(*operands: Any) -> Any:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found(*operands)

    return evaluate


def special_type(name: str, *operands: Value) -> Type:
    """The result of one of SciPy's elementwise functions, of single precision where all operands are."""
    require_numeric(name, *operands)
    match elementwise_type("float", *operands):
        case Array(dtype, shape) if dtype in ("float16", "float32"):
            # A number, even one written in the program, may make it double.
            numbers = any(isinstance(o.type, Scalar) for o in operands)
            return Array(None if numbers else "float32", shape)
        case t:
            return t


def _elementwise(name: str, parameters: str) -> Primitive:
    full = f"scipy.special.{name}"

    def infer(*operands: Value) -> Type:
        return special_type(full, *operands)

    return primitive(full, parameters, infer, scipy_function("scipy.special", name))


def _polygamma(n: Value, x: Value) -> Type:
    """What becomes of single precision differs between versions; an array without dimensions for numbers."""
    require_numeric("scipy.special.polygamma", n, x)
    match elementwise_type("float", n, x):
        case Scalar():
            return Array("float64", ())
        case Array(dtype, shape):
            return Array(dtype if dtype == "float64" else None, shape)
        case t:
            return t


def _multigammaln(a: Value, d: Value) -> Type:
    require_numeric("scipy.special.multigammaln", a)
    t = elementwise_type("float", a)
    return Array("float64", t.shape) if isinstance(t, Array) else t


def _comb(N: Value, k: Value) -> Type:
    require_numeric("scipy.special.comb", N, k)
    match elementwise_type("float", N, k):
        case Scalar():
            return UNKNOWN
        case Array(_, shape):
            return Array(None, shape)
        case t:
            return t


def _along(name: str) -> Callable[[Value, Value], Type]:
    def infer(x: Value, axis: Value) -> Type:
        require_numeric(name, x)
        reduced_shape(shape_of_type(x.type), axis, True)
        return elementwise_type("float", x)

    return infer


def _logsumexp(a: Value, axis: Value, b: Value, keepdims: Value) -> Type:
    name = "scipy.special.logsumexp"
    given = (a,) if b.type == NONE else (a, b)
    require_numeric(name, *given)
    dtype = float_dtype(promote(given))
    if dtype is None and all(isinstance(v.type, Scalar) for v in given):
        dtype = "float64"
    if dtype is not None and np.dtype(dtype).itemsize < 8 and len(given) > 1:
        dtype = None
    keep = flag_of(keepdims, "keepdims")
    shape = reduced_shape(broadcast_shapes([shape_of_type(v.type) for v in given]), axis, keep)
    if shape is not None:
        return array_or_scalar(dtype, shape)
    if any(isinstance(v.type, Array | List | Tuple) for v in given) and keep:
        return Array(dtype, None)
    return UNKNOWN


def _logsumexp_evaluate(a: Any, axis: Any, b: Any, keepdims: Any) -> Any:
    return importlib.import_module("scipy.special").logsumexp(a, axis=axis, b=b, keepdims=keepdims)


SPECIAL_ELEMENTWISE: dict[str, Primitive] = {
    p.name: p
    for p in (
        *(_elementwise(n, "x") for n in _UNARY),
        *(_elementwise(n, "x1 x2") for n in _BINARY),
        primitive("scipy.special.polygamma", "n x", _polygamma, scipy_function("scipy.special", "polygamma")),
    )
}

SPECIAL: dict[str, Primitive] = {
    **SPECIAL_ELEMENTWISE,
    **{
        p.name: p
        for p in (
            primitive(
                "scipy.special.multigammaln", "a d", _multigammaln, scipy_function("scipy.special", "multigammaln")
            ),
            primitive("scipy.special.comb", "N k", _comb, scipy_function("scipy.special", "comb")),
            *(
                primitive(
                    f"scipy.special.{n}",
                    "x axis",
                    _along(f"scipy.special.{n}"),
                    scipy_function("scipy.special", n),
                    defaults=(None,),
                )
                for n in ("softmax", "log_softmax")
            ),
            primitive(
                "scipy.special.logsumexp",
                "a axis b keepdims",
                _logsumexp,
                _logsumexp_evaluate,
                defaults=(None, None, False),
            ),
        )
    },
}
