"""Distributions of `scipy.stats`: the normal distribution, of one and of several variables.

Out: `NORMAL`, the functions of `scipy.stats.norm`, which are elementwise; `STATS`, all of them; name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float32", (Symbol("n"),)))
>>> print(STATS["scipy.stats.norm.logpdf"].infer(x, constant(0), constant(1)))
float64[n]
"""

from __future__ import annotations

import importlib
from typing import Any

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import NONE, UNKNOWN, Array, Type, never_one
from srcdiff.primitives.inference import (
    array_or_scalar,
    elementwise_type,
    primitive,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.special import scipy_function

OF_NORM = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")


def _normal(name: str) -> Primitive:
    full = f"scipy.stats.norm.{name}"

    def infer(x: Value, loc: Value, scale: Value) -> Type:
        require_numeric(full, x, loc, scale)
        # Of double precision, whatever it is given.
        t = elementwise_type("float", x, loc, scale)
        return Array("float64", t.shape) if isinstance(t, Array) else t

    first = "q" if name in ("ppf", "isf") else "x"
    return primitive(full, f"{first} loc scale", infer, scipy_function("scipy.stats", f"norm.{name}"), defaults=(0, 1))


def _multivariate(x: Value, mean: Value, cov: Value) -> Type:
    given = [v for v in (x, mean, cov) if v.type != NONE]
    require_numeric("scipy.stats.multivariate_normal.logpdf", *given)
    shape, square = shape_of_type(x.type), shape_of_type(cov.type)
    if shape is None or square is None or len(square) != 2:
        return UNKNOWN
    # With one variable a vector is a batch of samples, and of a batch of one sample a number is left.
    if shape[-1:] != square[:1] and not never_one(square[0]):
        return UNKNOWN
    return array_or_scalar("float64", shape[:-1]) if all(map(never_one, shape[:-1])) else UNKNOWN


def _multivariate_evaluate(x: Any, mean: Any, cov: Any) -> Any:
    return importlib.import_module("scipy.stats").multivariate_normal.logpdf(x, mean, cov)


NORMAL: dict[str, Primitive] = {p.name: p for p in map(_normal, OF_NORM)}

STATS: dict[str, Primitive] = {
    **NORMAL,
    **{
        p.name: p
        for p in (
            primitive(
                "scipy.stats.multivariate_normal.logpdf",
                "x mean cov",
                _multivariate,
                _multivariate_evaluate,
                defaults=(None, 1),
            ),
        )
    },
}
