"""How NumPy calls its reductions: the order of their arguments, and which form of a primitive takes which of them.

A reduction has a plain form and, where NumPy takes `where=`, `initial=` or `dtype=`, a fuller one whose name ends in
``(where)`` or ``(dtype)``; it is printed as the same function. In: a primitive and the keywords of a call (None for
what is given by position). Out: the form that takes them, and a name for each argument.

>>> from srcdiff.primitives.table import TABLE
>>> form, names = formed(TABLE["np.sum"], TABLE, [None, None, "where"])
>>> form.name, names
('np.sum(where)', [None, 'axis', 'where'])
>>> formed(TABLE["np.sum"], TABLE, [None, "keepdims"])[0].name
'np.sum'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srcdiff.ir.core import Primitive

_SIGNATURES: dict[str, str] = {
    "sum prod": "a axis dtype out keepdims initial where",
    "mean": "a axis dtype out keepdims where",
    "var std nanvar nanstd": "a axis dtype out ddof keepdims where",
    "max min": "a axis out keepdims initial where",
    "any all": "a axis out keepdims where",
    "argmax argmin nanargmax nanargmin ptp": "a axis out keepdims",
    "cumsum cumprod nancumsum": "a axis dtype out",
    "nansum nanprod nanmean": "a axis dtype out keepdims",
    "nanmax nanmin": "a axis out keepdims",
    "median nanmedian": "a axis out overwrite_input keepdims",
    "quantile percentile nanquantile nanpercentile": "a q axis out overwrite_input method keepdims",
    "average": "a axis weights returned keepdims",
    "take": "a indices axis out mode",
    "compress": "condition a axis out",
    "logaddexp.reduce": "a axis dtype out keepdims initial where",
    "maximum.accumulate minimum.accumulate": "a axis dtype out",
}
"""The order of arguments by position, where NumPy knows more of them than the primitive does."""

ORDERS: dict[str, tuple[str, ...]] = {
    f"np.{name}": tuple(order.split()) for names, order in _SIGNATURES.items() for name in names.split()
}

RENAMED: dict[str, dict[str, str]] = {"clip": {"min": "a_min", "max": "a_max"}, "reshape": {"newshape": "shape"}}
"""Other names that NumPy has for a parameter, of a function or of the method of that name."""

NEUTRAL: dict[str, object] = {
    **{"where": True, "dtype": None, "out": None, "initial": None},
    **{"overwrite_input": False, "returned": False, "mode": "raise"},
}
"""What may be given for an argument that the primitive does not have: the same as leaving it out."""

REDUCING: dict[str, str] = {
    "add.reduce": "sum",
    "multiply.reduce": "prod",
    "maximum.reduce": "max",
    "minimum.reduce": "min",
    "logical_and.reduce": "all",
    "logical_or.reduce": "any",
    "add.accumulate": "cumsum",
    "multiply.accumulate": "cumprod",
}
"""Methods of ufuncs that are functions of NumPy, along axis 0 unless told otherwise."""

OF_UFUNCS = frozenset((*REDUCING, "put_along_axis"))
"""What is no primitive, but stands for others."""


def formed(
    primitive: Primitive, table: Mapping[str, Primitive], keywords: Sequence[str | None]
) -> tuple[Primitive, list[str | None]]:
    """The form of the primitive that knows the keywords of a call, and the keywords with those given by position
    (from the second on) named."""
    order = ORDERS.get(primitive.name)
    if order is None:
        return primitive, list(keywords)
    named = [order[n] if k is None and 0 < n < len(order) else k for n, k in enumerate(keywords)]
    fuller = table.get(f"{primitive.name}(where)") or table.get(f"{primitive.name}(dtype)")
    if fuller is not None and any(k in fuller.parameters and k not in primitive.parameters for k in named if k):
        return fuller, named
    return primitive, named
