"""The table of primitives, and how functions of the outside world are found in it.

Out: `TABLE`, name -> primitive; `lookup(module, attribute)`; `METHODS`, the methods and attributes of an array.

>>> lookup("math", "sin").name, lookup("numpy", "add").name, lookup("numpy.linalg", "solve").name
('math.sin', 'add', 'np.linalg.solve')
>>> METHODS["sum"].name, METHODS["T"].name, lookup("numpy", "nonsense")
('np.sum', 'T', None)
"""

from __future__ import annotations

from srcdiff.ir.core import Primitive
from srcdiff.primitives import contractions, elementwise, operators, reductions
from srcdiff.primitives.adjoints import ADJOINTS
from srcdiff.primitives.builtin import BUILTINS
from srcdiff.primitives.containers import CONTAINERS
from srcdiff.primitives.contractions import CONTRACTIONS
from srcdiff.primitives.decompositions import DECOMPOSITIONS
from srcdiff.primitives.einsum import EINSUM
from srcdiff.primitives.elementwise import ELEMENTWISE
from srcdiff.primitives.jacobians import JACOBIANS
from srcdiff.primitives.linalg import LINALG
from srcdiff.primitives.makers import MAKERS
from srcdiff.primitives.mathlib import MATH
from srcdiff.primitives.operators import OPERATORS
from srcdiff.primitives.products import PRODUCTS
from srcdiff.primitives.reductions import REDUCTIONS
from srcdiff.primitives.scipy_linalg import SCIPY_LINALG
from srcdiff.primitives.shapes import SHAPES

TABLE: dict[str, Primitive] = {
    **OPERATORS,
    **CONTAINERS,
    **BUILTINS,
    **ADJOINTS,
    **ELEMENTWISE,
    **MATH,
    **REDUCTIONS,
    **MAKERS,
    **SHAPES,
    **PRODUCTS,
    **EINSUM,
    **CONTRACTIONS,
    **LINALG,
    **DECOMPOSITIONS,
    **SCIPY_LINALG,
    **JACOBIANS,
}

ATTRIBUTES = frozenset({"T", "shape", "ndim", "size", "dtype"})
"""Those of `METHODS` that are read, not called."""

METHOD_ONLY = frozenset({"astype", "item", "tolist"})
"""Primitives that are written as a method of their first operand."""

PACKED_METHODS = frozenset({"reshape", "transpose"})
"""Methods that take several integers where the primitive takes one tuple: `x.reshape(2, 3)`."""

METHODS: dict[str, Primitive] = {
    **{name: TABLE[name] for name in sorted(ATTRIBUTES | METHOD_ONLY)},
    **{
        name: TABLE[f"np.{name}"]
        for name in [
            "sum",
            "mean",
            "max",
            "min",
            "prod",
            "std",
            "var",
            "any",
            "all",
            "argmax",
            "argmin",
            "argsort",
            "cumsum",
            "clip",
            "round",
            "reshape",
            "ravel",
            "transpose",
            "swapaxes",
            "squeeze",
            "trace",
            "diagonal",
            "dot",
            "repeat",
        ]
    },
    "flatten": TABLE["np.ravel"],
    "copy": TABLE["copy"],
}

_PREFIXES = {
    "math": "math.",
    "numpy": "np.",
    "numpy.linalg": "np.linalg.",
    "scipy.special": "scipy.special.",
    "scipy.linalg": "scipy.linalg.",
    "scipy.stats": "scipy.stats.",
}
"""How the names of primitives begin that are functions of a module."""

_ALIASES: dict[str, dict[str, str]] = {
    "numpy": {
        **operators.NUMPY_OPERATORS,
        **elementwise.NUMPY_ALIASES,
        **reductions.NUMPY_ALIASES,
        "copy": "copy",
        "shape": "shape",
        "ndim": "ndim",
        "size": "size",
        "pow": "power",
    },
    "numpy.linalg": contractions.NUMPY_LINALG_ALIASES,
}
"""Functions of a module whose primitives have names of their own."""


def lookup(module: str, attribute: str) -> Primitive | None:
    """The primitive that a function of the outside world is, or None."""
    if module == "builtins":
        return TABLE[attribute] if attribute in BUILTINS else None
    if module not in _PREFIXES:
        return None
    return TABLE.get(_ALIASES.get(module, {}).get(attribute, _PREFIXES[module] + attribute))
