"""Functions of NumPy that are written with others, and what to write in place of those that are refused.

Out: `RESPELLED` and `STATEMENTS`, names in `numpy` that lowering knows though they are no primitives; `remedy`.

>>> remedy("numpy", "fromiter")
'use np.array with a list'
"""

from __future__ import annotations

RESPELLED = frozenset(
    ("matrix_transpose", "permute_dims", "unstack", "logspace", "polyder", "atleast_1d", "atleast_2d", "atleast_3d")
)
"""Functions that are lowered as others (see `srcdiff.frontend.respelling`)."""

STATEMENTS = frozenset(("fill_diagonal",))
"""Functions that change their operand and are statements of their own."""

_REMEDIES = {
    "fromiter": "use np.array with a list",
    "fromfunction": "call the function with the grids of np.meshgrid or np.indices",
    "apply_along_axis": "write a loop over the rows, or functions that take an axis",
    "apply_over_axes": "write one call for each axis",
    "vectorize": "write the function for arrays (np.where in the place of `if`), or loop over the elements",
    "frompyfunc": "write the function for arrays, or loop over the elements",
    "polyfit": "write np.linalg.lstsq(np.vander(x, deg + 1), y)[0]",
    "copyto": "write x[...] = values",
    "mgrid": "use np.meshgrid or np.indices",
    "ogrid": "use np.meshgrid with sparse=True",
}

REFUSED_METHODS = {
    "view": "use .astype() for another dtype, and np.reshape for another shape",
    "resize": "use np.resize, which makes a new array",
}
"""Methods of arrays that are refused, and what to write instead."""

_USUAL = "write it with functions that have one, or as a function of your own"


def remedy(module: str, attribute: str) -> str:
    """What to write in the place of a function that has no rule."""
    return _REMEDIES.get(attribute, _USUAL) if module == "numpy" else _USUAL
