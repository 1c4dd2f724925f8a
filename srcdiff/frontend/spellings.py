"""Functions of NumPy that are written with others, and what to write in place of those that are refused.

Out: `RESPELLED`, names in `numpy` that lowering knows though they are no primitives; `remedy`; `REGISTER`.

>>> remedy("numpy", "fromiter")
'use np.array with a list, or register a rule for it with `srcdiff.rule` (docs/custom-rules.md)'
"""

from __future__ import annotations

RESPELLED = frozenset(
    ("matrix_transpose", "permute_dims", "unstack", "logspace", "polyder", "atleast_1d", "atleast_2d", "atleast_3d")
)
"""Functions that are lowered as others (see `srcdiff.frontend.respelling`)."""

_REMEDIES = {
    "fromiter": "use np.array with a list",
    "fromfunction": "call the function with the grids of np.meshgrid or np.indices",
    "apply_along_axis": "write a loop over the rows, or functions that take an axis",
    "apply_over_axes": "write one call for each axis",
    "vectorize": "write the function for arrays (np.where in the place of `if`), or loop over the elements",
    "frompyfunc": "write the function for arrays, or loop over the elements",
    "polyfit": "write np.linalg.lstsq(np.vander(x, deg + 1), y)[0]",
    "mgrid": "use np.meshgrid or np.indices",
    "ogrid": "use np.meshgrid with sparse=True",
}

REFUSED_METHODS = {
    "view": "use .astype() for another dtype, and np.reshape for another shape",
    "resize": "use np.resize, which makes a new array",
}
"""Methods of arrays that are refused, and what to write instead."""

REGISTER = "register a rule for it with `srcdiff.rule` (docs/custom-rules.md)"

_USUAL = "write it with functions that have one"


def remedy(module: str, attribute: str) -> str:
    """What to write in the place of a function that has no rule."""
    instead = _REMEDIES.get(attribute, _USUAL) if module == "numpy" else _USUAL
    return f"{instead}, or {REGISTER}"
