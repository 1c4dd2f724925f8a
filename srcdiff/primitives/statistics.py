"""Statistics of whole arrays or along axes: ranges, medians, quantiles, weighted means, covariances.

Out: `STATISTICS`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x, q = Value(Array("float64", (Symbol("n"), 3))), Value(Array("float64", (5,)))
>>> linear, no = constant("linear"), constant(False)
>>> print(STATISTICS["np.quantile"].infer(x, q, constant(0), linear, no))
float64[5, 3]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import NONE, UNKNOWN, Array, Type, never_one
from srcdiff.primitives.inference import (
    array_or_scalar,
    dtype_of_type,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import flag_of
from srcdiff.primitives.reductions import DtypeRule, averaged, reduce_type, reduced_shape, same_dtype


def _plain(name: str, dtype: DtypeRule) -> Primitive:
    def infer(a: Value, axis: Value, keepdims: Value) -> Type:
        require_numeric(name, a)
        return reduce_type(a, axis, flag_of(keepdims, "keepdims"), dtype, strict=name.endswith("median"))

    function = getattr(np, name.removeprefix("np."))
    return primitive(
        name,
        "a axis keepdims",
        infer,
        lambda a, axis, keepdims: function(a, axis=axis, keepdims=keepdims),
        defaults=(None, False),
    )


def _quantiles(name: str) -> Primitive:
    def infer(a: Value, q: Value, axis: Value, method: Value, keepdims: Value) -> Type:
        require_numeric(name, a, q)
        shape = reduced_shape(shape_of_type(a.type), axis, flag_of(keepdims, "keepdims"), strict=True)
        several = shape_of_type(q.type)
        if shape is None or several is None:
            return Array(None, None) if isinstance(q.type, Array) else UNKNOWN
        own = averaged(dtype_of_type(a.type))
        return array_or_scalar(own if own == "float64" else None, (*several, *shape))

    function = getattr(np, name.removeprefix("np."))

    def evaluate(a: Any, q: Any, axis: Any, method: Any, keepdims: Any) -> Any:
        return function(a, q, axis=axis, method=method, keepdims=keepdims)

    return primitive(name, "a q axis method keepdims", infer, evaluate, defaults=(None, "linear", False))


def _average_type(a: Value, axis: Value, weights: Value, keepdims: Value) -> Type:
    given = [v for v in (a, weights) if v.type != NONE]
    require_numeric("np.average", *given)
    own = averaged(promote(given)) if all(isinstance(v.type, Array) for v in given) else None
    shape = reduced_shape(shape_of_type(a.type), axis, flag_of(keepdims, "keepdims"), strict=True)
    return UNKNOWN if shape is None else array_or_scalar(own, shape)


def _average(a: Any, axis: Any, weights: Any, keepdims: Any) -> Any:
    return np.average(a, axis=axis, weights=weights, keepdims=keepdims)


def _covariance_type(name: str) -> Callable[..., Type]:
    def infer(m: Value, y: Value, rowvar: Value, *rest: Value) -> Type:
        require_numeric(name, *(v for v in (m, y) if v.type != NONE))
        shape, rows = shape_of_type(m.type), flag_of(rowvar, "rowvar")
        own = averaged(dtype_of_type(m.type))
        dtype = own if own == "float64" else None
        if shape is not None and len(shape) == 1 and y.type != NONE:
            return Array(dtype, (2, 2)) if shape_of_type(y.type) not in (None, ()) else UNKNOWN
        if shape is not None and len(shape) == 1 and y.type == NONE:
            return Array(None, ()) if name == "np.cov" else UNKNOWN
        if shape is None or len(shape) != 2 or rows is None or y.type != NONE:
            return UNKNOWN
        n = shape[0 if rows else 1]
        # Of one variable it is an array without dimensions.
        return Array(dtype, (n, n)) if never_one(n) else UNKNOWN

    return infer


def _cov(m: Any, y: Any, rowvar: Any, bias: Any, ddof: Any) -> Any:
    return np.cov(m, y, rowvar=rowvar, bias=bias, ddof=ddof)


def _corrcoef(x: Any, y: Any, rowvar: Any) -> Any:
    return np.corrcoef(x, y, rowvar=rowvar)


STATISTICS: dict[str, Primitive] = {
    p.name: p
    for p in (
        _plain("np.ptp", same_dtype),
        _plain("np.median", averaged),
        _plain("np.nanmedian", averaged),
        _quantiles("np.quantile"),
        _quantiles("np.percentile"),
        _quantiles("np.nanquantile"),
        _quantiles("np.nanpercentile"),
        primitive("np.average", "a axis weights keepdims", _average_type, _average, defaults=(None, None, False)),
        primitive(
            "np.cov", "m y rowvar bias ddof", _covariance_type("np.cov"), _cov, defaults=(None, True, False, None)
        ),
        primitive("np.corrcoef", "x y rowvar", _covariance_type("np.corrcoef"), _corrcoef, defaults=(None, True)),
    )
}
