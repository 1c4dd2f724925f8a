"""Reductions of the elements that a mask chooses: with `where=`, `initial=` and `dtype=`, and those that leave out NaN.

Out: `MASKED`, name -> primitive. The fuller form of a reduction is called ``np.sum(where)`` and printed as `np.sum`; an
`initial` that is not given is None.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> MASKED["np.sum(where)"].parameters
('a', 'axis', 'dtype', 'keepdims', 'initial', 'where')
>>> print(MASKED["np.nanmax"].infer(x, constant(0), constant(False)))
float64[3]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import NONE, Scalar, Type, Unknown
from srcdiff.primitives.inference import InferenceError, dtype_of_type, primitive, require_numeric
from srcdiff.primitives.known import dtype_operand, flag_of
from srcdiff.primitives.reductions import DtypeRule, averaged, reduce_type, same_dtype, summed, to_dtype

_DEFAULTS: dict[str, Any] = {
    "axis": None,
    "dtype": None,
    "ddof": 0,
    "keepdims": False,
    "initial": None,
    "where": True,
}


def _reducing(name: str, parameters: str, dtype: DtypeRule) -> Primitive:
    """A reduction with the parameters `a` and some of those of `_DEFAULTS`."""
    names = parameters.split()

    def infer(*operands: Value) -> Type:
        given = dict(zip(names, operands, strict=True))
        a, wanted = given["a"], given.get("dtype")
        require_numeric(name, a)
        initial, where = given.get("initial"), given.get("where")
        if where is not None:
            require_numeric(name, where)
            if dtype_of_type(where.type) not in ("bool", None):
                raise InferenceError(f"{function} takes booleans as `where=`, not {where.type}")
        if initial is not None and not isinstance(initial.type, Scalar | Unknown) and initial.type != NONE:
            raise InferenceError(f"{function} takes a number as `initial=`, not {initial.type}")

        def result(own: str | None) -> str | None:
            return dtype(own) if wanted is None else dtype_operand(wanted, dtype(own))

        return reduce_type(a, given["axis"], flag_of(given["keepdims"], "keepdims"), result)

    def evaluate(*operands: Any) -> Any:
        given = dict(zip(names[1:], operands[1:], strict=True))
        keywords = {k: v for k, v in given.items() if k not in ("initial", "dtype") or v is not None}
        return call(operands[0], **keywords)

    function = name.partition("(")[0]
    call = _function(function)
    defaults = tuple(_DEFAULTS[n] for n in names[1:])
    return primitive(name, parameters, infer, evaluate, defaults=defaults)


def _function(name: str) -> Callable[..., Any]:
    found: Any = np
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


MASKED: dict[str, Primitive] = {
    p.name: p
    for p in (
        _reducing("np.sum(where)", "a axis dtype keepdims initial where", summed),
        _reducing("np.prod(where)", "a axis dtype keepdims initial where", summed),
        _reducing("np.mean(where)", "a axis dtype keepdims where", averaged),
        _reducing("np.var(where)", "a axis dtype ddof keepdims where", averaged),
        _reducing("np.std(where)", "a axis dtype ddof keepdims where", averaged),
        _reducing("np.max(where)", "a axis keepdims initial where", same_dtype),
        _reducing("np.min(where)", "a axis keepdims initial where", same_dtype),
        _reducing("np.any(where)", "a axis keepdims where", to_dtype("bool")),
        _reducing("np.all(where)", "a axis keepdims where", to_dtype("bool")),
        _reducing("np.nansum", "a axis keepdims", summed),
        _reducing("np.nanprod", "a axis keepdims", summed),
        _reducing("np.nanmean", "a axis keepdims", averaged),
        _reducing("np.nanmax", "a axis keepdims", same_dtype),
        _reducing("np.nanmin", "a axis keepdims", same_dtype),
        _reducing("np.nanvar", "a axis ddof keepdims", averaged),
        _reducing("np.nanstd", "a axis ddof keepdims", averaged),
        _reducing("np.nanargmax", "a axis keepdims", to_dtype("int64")),
        _reducing("np.nanargmin", "a axis keepdims", to_dtype("int64")),
    )
}
