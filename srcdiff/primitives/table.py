"""The table of primitives, and how functions of the outside world are found in it.

Out: `TABLE`, name -> primitive; `lookup(module, attribute)`; `METHODS`, the methods and attributes of an array.

>>> lookup("math", "sin").name, lookup("numpy", "add").name, lookup("numpy.linalg", "solve").name
('math.sin', 'add', 'np.linalg.solve')
>>> METHODS["sum"].name, METHODS["T"].name, lookup("numpy", "nonsense")
('np.sum', 'T', None)
"""

from __future__ import annotations

from srcdiff.ir.core import Primitive
from srcdiff.primitives import contractions, elementwise, joining, operators, reductions, special
from srcdiff.primitives.adjoints import ADJOINTS
from srcdiff.primitives.builtin import BUILTINS
from srcdiff.primitives.choices import CHOICES
from srcdiff.primitives.containers import CONTAINERS
from srcdiff.primitives.contractions import CONTRACTIONS
from srcdiff.primitives.curves import CURVES
from srcdiff.primitives.decompositions import DECOMPOSITIONS
from srcdiff.primitives.diagonals import DIAGONALS
from srcdiff.primitives.einsum import EINSUM
from srcdiff.primitives.elementwise import ELEMENTWISE
from srcdiff.primitives.indices import INDICES
from srcdiff.primitives.jacobians import JACOBIANS
from srcdiff.primitives.joining import JOINING
from srcdiff.primitives.linalg import LINALG
from srcdiff.primitives.makers import MAKERS
from srcdiff.primitives.masked import MASKED
from srcdiff.primitives.mathlib import MATH
from srcdiff.primitives.operators import OPERATORS
from srcdiff.primitives.products import PRODUCTS
from srcdiff.primitives.reductions import REDUCTIONS
from srcdiff.primitives.repetition import REPETITION
from srcdiff.primitives.running import RUNNING
from srcdiff.primitives.scipy_linalg import SCIPY_LINALG
from srcdiff.primitives.selection import SELECTION
from srcdiff.primitives.shapes import SHAPES
from srcdiff.primitives.special import SPECIAL
from srcdiff.primitives.splitting import PACKED, SPLITTING
from srcdiff.primitives.statistics import STATISTICS
from srcdiff.primitives.stats import STATS

TABLE: dict[str, Primitive] = {
    **OPERATORS,
    **CONTAINERS,
    **BUILTINS,
    **ADJOINTS,
    **ELEMENTWISE,
    **MATH,
    **REDUCTIONS,
    **MASKED,
    **RUNNING,
    **SELECTION,
    **STATISTICS,
    **MAKERS,
    **SHAPES,
    **JOINING,
    **DIAGONALS,
    **REPETITION,
    **SPLITTING,
    **CURVES,
    **PRODUCTS,
    **EINSUM,
    **CONTRACTIONS,
    **LINALG,
    **DECOMPOSITIONS,
    **SCIPY_LINALG,
    **JACOBIANS,
    **INDICES,
    **CHOICES,
    **SPECIAL,
    **STATS,
}

ATTRIBUTES = frozenset({"T", "shape", "ndim", "size", "dtype"})
"""Those of `METHODS` that are read, not called."""

METHOD_ONLY = frozenset({"astype", "item", "tolist"})
"""Primitives that are written as a method of their first operand."""

PACKED_METHODS = frozenset({"reshape", "transpose"})
"""Methods that take several integers where the primitive takes one tuple: `x.reshape(2, 3)`."""

SECOND_OPERAND = frozenset({"compress"})
"""Methods whose array is the second operand of the primitive."""
TAKE_DISPLAYS = frozenset(
    f"np.{name}"
    for name in (
        *("array", "asarray", "concatenate", "stack", "vstack", "hstack", "dstack", "column_stack", "append", "block"),
        *("split", "array_split", "vsplit", "hsplit", "dsplit", "meshgrid", "broadcast_arrays", "pad", "resize"),
        *(
            "insert",
            "delete",
            "rot90",
            "moveaxis",
            "flip",
            "expand_dims",
            "squeeze",
            "roll",
            "indices",
            "repeat",
            "interp",
        ),
        *("interp", "convolve", "correlate", "polyval", "vander", "linspace", "geomspace"),
        *(
            "tensordot",
            "linalg.tensordot",
            "reshape",
            "tile",
            "transpose",
            "broadcast_to",
            "zeros",
            "ones",
            "empty",
            "full",
        ),
    )
)
"""Functions for which the display of a list in an argument is a tuple: they only read it, and every item has a type."""

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
            "argpartition",
            "searchsorted",
            "take",
            "compress",
            "cumsum",
            "cumprod",
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
    **{name: TABLE[f"np.{name}"] for name in ("real", "imag", "conj", "nonzero")},
    "conjugate": TABLE["np.conj"],
    "flatten": TABLE["np.ravel"],
    "copy": TABLE["copy"],
}

__all__ = [
    "ATTRIBUTES",
    "METHODS",
    "METHOD_ONLY",
    "PACKED",
    "PACKED_METHODS",
    "TABLE",
    "TAKE_DISPLAYS",
    "lookup",
]

PREFIXES = {
    "math": "math.",
    "numpy": "np.",
    "numpy.linalg": "np.linalg.",
    "scipy.special": "scipy.special.",
    "scipy.linalg": "scipy.linalg.",
    "scipy.stats": "scipy.stats.",
}
"""How the names of primitives begin that are functions of a module."""

ALIASES: dict[str, dict[str, str]] = {
    "builtins": {"pow": "power"},
    "scipy.special": special.SPECIAL_ALIASES,
    "numpy": {
        **operators.NUMPY_OPERATORS,
        **elementwise.NUMPY_ALIASES,
        **reductions.NUMPY_ALIASES,
        **joining.NUMPY_ALIASES,
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
        name = ALIASES[module].get(attribute, attribute)
        return TABLE[name] if attribute in BUILTINS or name != attribute else None
    if module not in PREFIXES:
        return None
    return TABLE.get(ALIASES.get(module, {}).get(attribute, PREFIXES[module] + attribute))
